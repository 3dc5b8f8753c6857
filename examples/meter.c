/* What a sum costs: joules by source, and grams of CO2 equivalent on the world's average grid.
 *     cc meter.c $(pkg-config --cflags --libs frugal-meter) -o meter */
#include <frugal/carbon.h>
#include <frugal/meter.h>
#include <stdio.h>

int main(void)
{
    fr_error err;
    fr_meter *meter;
    fr_window *window;
    fr_region world;
    fr_reading r;
    fr_meter_options options = FR_METER_OPTIONS_INIT;

    if (fr_meter_open(&meter, &options, &err) || fr_window_begin(meter, "sum", &window, &err) ||
        fr_region_find(FR_REGION_WORLD, &world, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    volatile double sum = 0;
    for (int i = 1; i < 30000000; i++) sum += 1.0 / i;
    fr_window_end(window, &r);

    printf("%.3g J in %.3g s (%s)\n", r.total.j, r.duration_s, fr_meter_summary(meter));
    printf("%.3g g CO2e\n", fr_carbon_grams(r.total.j, world.g_per_kwh, 1.0));
    fr_meter_close(meter);
    return 0;
}
