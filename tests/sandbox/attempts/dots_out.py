# Climbs out by dots and by descriptors of folders.
# expect: passed
def attempt():
    import os

    for way in ("../" * 20 + FOLDER + "/ledger", "/tmp/../" + FOLDER + "/ledger"):
        try:
            return open(way).read()
        except OSError:
            pass
    try:
        top = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        return os.read(os.open(".." + FOLDER + "/ledger", os.O_RDONLY, dir_fd=top), 100)
    except OSError:
        return "refused"
