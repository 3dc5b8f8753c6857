# Leaves its tests without an answer, and stays.
# expect: failed closed the pipe
def attempt():
    import os, time

    os.close(3)
    os.close(4)
    while True:
        time.sleep(1000)
