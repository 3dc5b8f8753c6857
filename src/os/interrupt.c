/* interrupt.c - the flag that SIGINT and SIGTERM set. */
#include "os/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static const int caught[] = {SIGINT, SIGTERM};
enum { N_CAUGHT = sizeof(caught) / sizeof(*caught) };

static struct sigaction before[N_CAUGHT];
static bool installed[N_CAUGHT];
static volatile sig_atomic_t the_signal;

static void on_signal(int sig)
{
    the_signal = sig;
}

fr_status fr_interrupt_install(fr_error *err)
{
    fr_status st = FR_OK;
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    /* After the first signal the default is back, so a second one ends the process. Waiting
     * calls are restarted: the flag is looked at between items, not inside them. */
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;

    fr_interrupt_restore();
    the_signal = 0;
    for (int i = 0; i < N_CAUGHT; i++) {
        if (sigaction(caught[i], NULL, &before[i]))
            FR_FAIL(err, FR_ERR_IO, "cannot ask for signal %d: %s", caught[i], strerror(errno));
        if (before[i].sa_handler == SIG_IGN) continue;
        if (sigaction(caught[i], &action, NULL))
            FR_FAIL(err, FR_ERR_IO, "cannot catch signal %d: %s", caught[i], strerror(errno));
        installed[i] = true;
    }
cleanup:
    return st;
}

bool fr_interrupt_requested(void)
{
    return the_signal != 0;
}

int fr_interrupt_signal(void)
{
    return the_signal;
}

void fr_interrupt_restore(void)
{
    for (int i = 0; i < N_CAUGHT; i++) {
        if (installed[i]) sigaction(caught[i], &before[i], NULL);
        installed[i] = false;
    }
}
