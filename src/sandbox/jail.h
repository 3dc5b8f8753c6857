/* jail.h - one process behind walls (internal to sandbox).
 *
 * A jail is made once, for a kind; any number of processes are then started in it. A process in it
 * has six descriptors at most, an environment of ours, limits that it cannot raise, no controlling
 * terminal, and dies with the thread that started it. */
#ifndef FR_SANDBOX_JAIL_H
#define FR_SANDBOX_JAIL_H

#include <sys/types.h>

#include "base/str.h"
#include "sandbox/filter.h"
#include "sandbox/sandbox.h"

enum { FR__JAIL_FDS = 6 };

typedef struct fr__python {
    char *program; /* without links */
    char *library; /* the folder that holds its standard library's */
    char *boot[2]; /* what runs in it: the candidate's process, that of the tests */
} fr__python;

typedef struct fr__jail {
    fr_jail_kind kind;
    const fr__python *python; /* not owned */
    const char *bwrap;        /* not owned */
    bool own_user;            /* started as a user that nothing belongs to: we are root */
    fr__filter filter;
    int landlock_fd; /* FR_JAIL_LANDLOCK; -1 */
    int landlock_abi;
} fr__jail;

/* One process. pid is ours to wait for: bwrap itself, whose child the program is, or the program.
 */
typedef struct fr__inmate {
    pid_t pid;    /* 0: none */
    int fd;       /* its pidfd: readable once it has ended */
    int info_fd;  /* bwrap tells the pid of its child here; -1: without bwrap */
    int inner_fd; /* pidfd of that child, the first process of the namespace; -1 */
    bool waited;  /* what follows is known */
    int status;   /* of wait(2) */
} fr__inmate;

#define FR__INMATE_INIT                         \
    {                                           \
        .fd = -1, .info_fd = -1, .inner_fd = -1 \
    }

/* Errors: FR_ERR_UNSUPPORTED when this kind cannot be had, with the reason; that it can be started
 * is not said thereby. Owner: the caller, until fr__jail_release. */
FR_NODISCARD fr_status fr__jail_init(fr__jail *jail, fr_jail_kind kind, bool own_user,
                                     const fr__python *python, const char *bwrap, fr_error *err);
void fr__jail_release(fr__jail *jail); /* one that failed to init may be released */

/* The user of that seat, where jail->own_user; another process of ours rarely has the same ones. */
uid_t fr__jail_user(unsigned seat);

/* Starts python->boot[side]. fds[i] becomes descriptor i, -1: closed; they stay the caller's.
 * seat: a number that no other living process of ours has (its own user is made of it).
 * Errors: FR_ERR_IO. What fails behind fork is written to fds[2], and the status is 126. */
FR_NODISCARD fr_status fr__inmate_start(fr__inmate *inmate, const fr__jail *jail, int side,
                                        unsigned seat, const fr_sandbox_limits *limits,
                                        const int fds[FR__JAIL_FDS], fr_error *err);

/* Has it ended? Then its status is taken. */
bool fr__inmate_ended(fr__inmate *inmate);

/* Has bwrap still to tell what it started? Then info_fd is to be polled, and heard when readable.
 */
bool fr__inmate_unheard(const fr__inmate *inmate);
void fr__inmate_hear(fr__inmate *inmate);

/* Kills it and everything in its namespace, and returns when nothing of it is left. */
void fr__inmate_end(fr__inmate *inmate);

/* How the program ended: its signal, or 0 and *exit_status. */
int fr__inmate_signal(const fr__inmate *inmate, fr_jail_kind kind, int *exit_status);

#endif
