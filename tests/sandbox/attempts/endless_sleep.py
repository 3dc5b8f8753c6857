# Never returns, and uses no time.
# expect: time-out wall
# limits: wall=3
def attempt():
    import time

    while True:
        time.sleep(1000)
