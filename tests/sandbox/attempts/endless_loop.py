# Never returns.
# expect: time-out CPU
def attempt():
    while True:
        pass
