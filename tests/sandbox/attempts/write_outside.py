# Writes to the user's folder and to the system's.
# expect: passed
def attempt():
    import os

    for place in (FOLDER, "/usr/lib", "/usr/lib/python3", "/dev/shm", "/dev", "/var/tmp", "/", "/run"):
        try:
            open(place + "/frugal-escape", "w").write("here")
            return place
        except OSError:
            pass
        try:
            os.mkdir(place + "/frugal-escape")
            return place
        except OSError:
            pass
    return "refused"
