# Lists folders of the user and the machine.
# expect: passed
def attempt():
    import os

    for place in (FOLDER, "/root", "/home", "/etc", "/proc", "/sys", "/var", "/run"):
        try:
            if os.listdir(place):
                return place
        except OSError:
            pass
    return "refused"
