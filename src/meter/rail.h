/* rail.h - the sensors of a hwmon folder that tell energy or power.
 *
 *     fr_rail rails[FR_MAX_RAILS];
 *     size_t n = fr__rails_find(root, "class/hwmon/hwmon3", rails);
 *     ... fr__rail_read(root, &rails[i], &raw) ...
 *
 * Reference: Linux Documentation/hwmon/sysfs-interface.rst: energy in uJ, power in uW, voltage in
 * mV, current in mA. */
#ifndef FR_METER_RAIL_H
#define FR_METER_RAIL_H

#include "meter/source.h"

enum { FR_MAX_RAILS = 128 };

typedef struct fr_rail {
    char dir[256];       /* under sysfs_root */
    char file[32];       /* "energy1_input", "power1_average"; of a product, the voltage */
    char times[32];      /* the current that it is multiplied with; "" for none */
    char label[64];      /* as the driver says, else "energy1", "power1", "in1" */
    fr_sensor_kind kind; /* in steps of FR_RAIL_SCALE */
} fr_rail;

/* Joules or watts of one unit of fr__rail_read: all of them count in millionths. */
#define FR_RAIL_SCALE 1e-6

/* Name of the driver's chip ("amdgpu", "power_meter"); false when it cannot be read. */
bool fr__hwmon_name(const char *root, const char *dir, char *out, size_t size);

/* Everything in the folder, in the order of kind and number: counters of energy, power (averaged
 * before momentary), and voltage times current where the driver has neither. The same quantity is
 * listed once. Returns how many. */
size_t fr__rails_find(const char *root, const char *dir, fr_rail rails[FR_MAX_RAILS]);

void fr__rail_read(const char *root, const fr_rail *rail, fr_raw *raw);

/* Calls `each` for each folder below `dir` whose name is `prefix` and a number, in that order. */
void fr__numbered_folders(const char *root, const char *dir, const char *prefix,
                          void (*each)(void *ctx, const char *path), void *ctx);

#endif
