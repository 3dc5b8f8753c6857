/* fs.c - file systems by the magic number of statfs(2).
 * Reference: Linux include/uapi/linux/magic.h; f_type of Lustre, GPFS and BeeGFS by their drivers.
 */
#include "os/fs.h"

#include <string.h>
#include <sys/vfs.h>

static const struct {
    unsigned long magic;
    const char *name;
} networks[] = {
    {0x6969, "NFS"},       {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"}, {0x517b, "SMB"},
    {0x65735546, "FUSE"},  {0x01021997, "9p"},     {0x00c36400, "Ceph"}, {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},  {0x19830326, "BeeGFS"}, {0x5346414f, "AFS"},  {0x6b414653, "AFS"},
    {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"},   {0x73757245, "Coda"}, {0x20030528, "OrangeFS"},
};

bool fr_fs_magic_is_network(unsigned long magic, const char **name)
{
    if (name) *name = NULL;
    for (size_t i = 0; i < sizeof(networks) / sizeof(*networks); i++) {
        if (networks[i].magic != magic) continue;
        if (name) *name = networks[i].name;
        return true;
    }
    return false;
}

bool fr_fs_is_network(const char *path, const char **name)
{
    struct statfs fs;
    if (name) *name = NULL;
    if (statfs(path, &fs)) return false;
    /* f_type is signed on some machines: keep the 32 bits that the kernel defines. */
    return fr_fs_magic_is_network((unsigned long)fs.f_type & 0xffffffffu, name);
}
