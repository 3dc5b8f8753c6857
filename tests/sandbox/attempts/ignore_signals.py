# Ignores every signal that asks it to end.
# expect: time-out CPU
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass


def attempt():
    while True:
        pass
