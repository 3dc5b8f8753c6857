# Changes priority and processors, its own and those of others.
# expect: passed
def attempt():
    import os

    for change in (
        lambda: os.nice(-5),
        lambda: os.setpriority(os.PRIO_PROCESS, HOST_PID, 19),
        lambda: os.sched_setaffinity(HOST_PID, {0}),
        lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
    ):
        try:
            change()
            return "changed"
        except OSError:
            pass
    return "refused"
