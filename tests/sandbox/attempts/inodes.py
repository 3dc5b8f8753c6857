# Makes empty files until its time is over.
# expect: time-out CPU
# expect landlock: failed Permission
def attempt():
    import os

    i = 0
    while True:
        os.close(os.open("/tmp/frugal-escape-%d" % i, os.O_CREAT | os.O_WRONLY))
        i += 1
