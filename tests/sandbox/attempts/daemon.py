# Leaves a child behind that outlives the program.
# expect: passed
def attempt():
    import os, subprocess

    try:
        subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
        return "started"
    except OSError:
        pass
    try:
        os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
        return "spawned"
    except OSError:
        return "refused"
