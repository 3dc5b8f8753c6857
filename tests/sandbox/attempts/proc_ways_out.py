# Files of /proc and /sys by which containers have been left.
# expect: passed
def attempt():
    import os

    for name in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/sys/kernel/uevent_helper",
        "/proc/self/oom_score_adj",
        "/proc/self/attr/current",
        "/proc/self/uid_map",
        "/sys/fs/cgroup/release_agent",
    ):
        for flags in (os.O_WRONLY, os.O_RDONLY):
            try:
                os.open(name, flags)
                return name
            except OSError:
                pass
    return "refused"
