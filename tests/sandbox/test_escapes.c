/* Escape attempts: tests/sandbox/attempts, one Python program each, in every jail that this machine
 * offers, as root and as an ordinary user. After each the machine is as it was before.
 *
 * An attempt begins with a line that says what it tries, then
 *     # expect: OUTCOME WORDS            what becomes of it; WORDS are part of the reason
 *     # expect landlock: OUTCOME WORDS   where that jail differs
 *     # machine: x86_64                  only there: it knows calls by their numbers
 *     # limits: wall=SECONDS
 *     # setup: CODE      # tests: CODE   instead of: assert attempt() == "refused"
 * It is told PORT, FOLDER, ABSTRACT, HOST_PID and TMP_BYTES. */
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "sandbox/jail.h"

enum { MAX_ATTEMPTS = 200, ORDINARY_USER = 12345, N_LISTENERS = 5 };

static const char attempts_dir[] = FR_TEST_DIR "/sandbox/attempts";
static const char secret[] = "the ledger's secret";

typedef struct place {
    const char *name, *key;      /* "bubblewrap", of "expect" lines */
    bool no_bubblewrap, as_user; /* as_user: the whole test runs as one */
    fr_sandbox *sb;              /* NULL: the place forbids it */
    char why[FR_ERROR_MAX];
} place;

typedef struct attempt {
    char name[64], title[128];
    fr_str text;
    place *where;
} attempt;

static attempt attempts[MAX_ATTEMPTS];
static size_t n_attempts;

static struct {
    const char *folder;
    char ledger[256], abstract[64];
    int listeners[N_LISTENERS];
    unsigned port;
} host;

static int listener(int family, int type, const void *address, size_t size)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, address, (socklen_t)size), 0);
    if (type == SOCK_STREAM) assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static int named_listener(int type, const char *format, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool abstract = *format == '@';
    int n = snprintf(address.sun_path + abstract, sizeof(address.sun_path) - 1, format + abstract,
                     name);
    return listener(AF_UNIX, type, &address,
                    offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
}

/* What an attempt may go for: a ledger that only the walls protect, and servers. */
static void plant(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(local);
    host.folder = test_tmp_dir();
    snprintf(host.ledger, sizeof(host.ledger), "%s",
             test_write_file(host.folder, "ledger", secret));
    chmod(host.folder, 0777);
    chmod(host.ledger, 0666);
    host.listeners[0] = listener(AF_INET, SOCK_STREAM, &local, sizeof(local));
    getsockname(host.listeners[0], (struct sockaddr *)&local, &size);
    host.port = ntohs(local.sin_port);
    host.listeners[1] = listener(AF_INET, SOCK_DGRAM, &local, sizeof(local));
    snprintf(host.abstract, sizeof(host.abstract), "frugal-escape-%d", (int)getpid());
    host.listeners[2] = named_listener(SOCK_STREAM, "@%s", host.abstract);
    host.listeners[3] = named_listener(SOCK_DGRAM, "@%s-d", host.abstract);
    host.listeners[4] = named_listener(SOCK_STREAM, "%s/socket", host.folder);
    fr_str path = FR_STR_INIT;
    assert_int_equal(fr_path_join(&path, host.folder, "socket", NULL), FR_OK);
    chmod(path.data, 0777);
    fr_str_release(&path);
}

static void ledger_is_untouched(void)
{
    fr_error err = {0};
    struct stat info;
    fr_str text = FR_STR_INIT;
    ASSERT_OK(fr_file_read(&text, host.ledger, 1 << 20, &err));
    assert_string_equal(fr_str_text(&text), secret);
    fr_str_release(&text);
    assert_int_equal(stat(host.ledger, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666);
    assert_int_equal(info.st_nlink, 1);
    assert_true(info.st_mtime > 0);
    assert_int_equal(info.st_uid, geteuid());
}

static void nothing_was_left_in(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (!strcmp(e->d_name, "frugal-escape") || !strncmp(e->d_name, "frugal-escape-", 14))
            fail_msg("%s/%s was left behind", dir, e->d_name);
    if (d) closedir(d);
}

/* Users of its processes, by /proc; -1: it has ended. */
static long user_of(long pid)
{
    char path[64], text[4096];
    long user = -1;
    bool dead = false;
    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(text, sizeof(text), f)) {
        if (!strncmp(text, "State:", 6)) dead = strchr("ZXx", text[7]) != NULL;
        if (!strncmp(text, "Uid:", 4)) user = strtol(text + 4, NULL, 10);
    }
    if (f) fclose(f);
    return dead ? -1 : user;
}

static void nobody_was_left(const place *where)
{
    DIR *d = opendir("/proc");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        long pid = strtol(e->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid()) continue;
        long user = user_of(pid);
        bool suspect = where->as_user
                           ? user == ORDINARY_USER && geteuid() == ORDINARY_USER && pid != getppid()
                           : user == fr__jail_user(0) || user == fr__jail_user(1);
        if (suspect) fail_msg("process %ld of user %ld was left behind", pid, user);
    }
    closedir(d);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void machine_is_as_before(const place *where)
{
    static const char *const dirs[] = {"/tmp", "/var/tmp", "/dev/shm", "/", "/run", "."};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) nothing_was_left_in(dirs[i]);
    nothing_was_left_in(host.folder);
    ledger_is_untouched();
    nobody_was_left(where);
    for (int i = 0; i < N_LISTENERS; i++) {
        struct pollfd one = {.fd = host.listeners[i], .events = POLLIN};
        if (poll(&one, 1, 0)) fail_msg("listener %d was reached", i);
    }
}

/* The rest of the line "# KEY: ..." in the head of an attempt; NULL when there is none. */
static const char *header(const char *text, const char *key, char *buf, size_t size)
{
    char head[64];
    int n = snprintf(head, sizeof(head), "# %s: ", key);
    while (*text == '#') {
        size_t len = strcspn(text, "\n");
        if (!strncmp(text, head, (size_t)n)) {
            snprintf(buf, size, "%.*s", (int)(len - (size_t)n), text + n);
            return buf;
        }
        text += len + 1;
    }
    return NULL;
}

static void is_held(void **state)
{
    const attempt *a = *state;
    const place *where = a->where;
    if (!where->sb) {
        print_message("not run here: %s\n", where->why);
        skip();
    }
    fr_error err = {0};
    const char *text = fr_str_text(&a->text);
    fr_str code = FR_STR_INIT;
    char key[64], expected[256], setup[256], tests[256], value[64];
    struct utsname machine;
    uname(&machine);
    if (header(text, "machine", value, sizeof(value)) && strcmp(value, machine.machine)) skip();

    fr_program program = {.limits = FR_SANDBOX_LIMITS_INIT,
                          .entry = "attempt",
                          .tests = "assert attempt() == \"refused\"\n"};
    program.limits.memory_bytes = (size_t)256 << 20;
    program.limits.file_bytes = (size_t)1 << 20;
    program.limits.tmp_bytes = (size_t)4 << 20;
    program.limits.output_bytes = (size_t)64 << 10;
    if (header(text, "limits", value, sizeof(value)))
        assert_int_equal(sscanf(value, "wall=%lf", &program.limits.wall_s), 1);
    ASSERT_OK(fr_str_appendf(&code, &err,
                             "PORT = %u\nFOLDER = '%s'\nABSTRACT = '%s'\nHOST_PID = %d\n"
                             "TMP_BYTES = %zu\n%s",
                             host.port, host.folder, host.abstract, (int)getpid(),
                             program.limits.tmp_bytes, text));
    program.code = code.data;
    program.setup = header(text, "setup", setup, sizeof(setup));
    if (header(text, "tests", tests, sizeof(tests))) {
        program.tests = tests;
        for (char *c = tests; (c = strstr(c, "\\n"));) memcpy(c, " \n", 2);
    }
    snprintf(key, sizeof(key), "expect %s", where->key);
    if (!header(text, key, expected, sizeof(expected)))
        assert_non_null(header(text, "expect", expected, sizeof(expected)));
    /* Short where it is what ends the attempt; else a busy machine must not be what does. */
    program.limits.cpu_s = strncmp(expected, "time-out", 8) ? 20 : 1;

    fr_program_verdict verdict;
    ASSERT_OK(fr_sandbox_run(where->sb, &program, 1, &verdict, &err));
    char *words = strchr(expected, ' ');
    if (words) *words++ = 0;
    if (strcmp(fr_outcome_name(verdict.outcome), expected) ||
        (words && !strstr(verdict.why, words)))
        fail_msg("%s %s, and not %s: %s\n%s", expected, words ? words : "",
                 fr_outcome_name(verdict.outcome), verdict.why, verdict.output);
    machine_is_as_before(where);
    fr_str_release(&code);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const attempt *)a)->name, ((const attempt *)b)->name);
}

/* Read before the test becomes a user who may have no way to its folder. */
static bool read_attempts(void)
{
    fr_error err = {0};
    fr_str path = FR_STR_INIT;
    fr_status st = FR_OK;
    DIR *d = opendir(attempts_dir);
    for (struct dirent *e; d && n_attempts < MAX_ATTEMPTS && (e = readdir(d));) {
        attempt *a = &attempts[n_attempts];
        if (!strstr(e->d_name, ".py")) continue;
        snprintf(a->name, sizeof(a->name), "%.63s", e->d_name);
        st = fr_path_join(&path, attempts_dir, a->name, &err);
        if (st == FR_OK) st = fr_file_read(&a->text, path.data, 1 << 20, &err);
        if (st != FR_OK) break;
        n_attempts++;
    }
    if (d) closedir(d);
    fr_str_release(&path);
    qsort(attempts, n_attempts, sizeof(*attempts), by_name);
    bool all = st == FR_OK && n_attempts >= 40;
    if (!all)
        print_error("%s: %zu attempts could be read. %s\n", attempts_dir, n_attempts, err.message);
    return all;
}

static int run_in(place *where)
{
    static struct CMUnitTest tests[MAX_ATTEMPTS];
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    fr_error err = {0};
    for (size_t i = 0; i < n_attempts; i++) {
        attempts[i].where = where;
        snprintf(attempts[i].title, sizeof(attempts[i].title), "%.60s: %.60s", where->name,
                 attempts[i].name);
        tests[i] = (struct CMUnitTest){
            .name = attempts[i].title, .test_func = is_held, .initial_state = &attempts[i]};
    }
    options.slots = 1;
    options.no_bubblewrap = where->no_bubblewrap;
    options.no_landlock = !where->no_bubblewrap;
    if (fr_sandbox_open(&where->sb, &options, &err) != FR_OK)
        snprintf(where->why, sizeof(where->why), "%s", err.message);
    else
        print_message("%s: %s\n", where->name, fr_sandbox_describe(where->sb));
    /* Not the macro, which wants an array of known length. */
    int failed = _cmocka_run_group_tests(where->name, tests, n_attempts, NULL, NULL);
    fr_sandbox_close(where->sb);
    return failed;
}

static int run_both(place *places)
{
    if (!host.folder) plant();
    return run_in(&places[0]) + run_in(&places[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]); /* "*fork*": some of them, by hand */
    place root[] = {{.name = "bubblewrap as root", .key = "bubblewrap"},
                    {.name = "Landlock as root", .key = "landlock", .no_bubblewrap = true}};
    place user[] = {
        {.name = "bubblewrap as a user", .key = "bubblewrap", .as_user = true},
        {.name = "Landlock as a user", .key = "landlock", .no_bubblewrap = true, .as_user = true}};
    if (!read_attempts()) return 1;
    if (geteuid()) return run_both(user) != 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) || setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) ||
            setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER))
            exit(1);
        exit(run_both(user) != 0);
    }
    int status = 1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return 1;
    return run_both(root) + status != 0;
}
