#!/bin/sh
# Boots the systemd of a Debian root as PID 1 of private namespaces: processes,
# mounts, network (loopback alone), host name, IPC, cgroups. Nothing is written to
# the root: an overlay in memory takes it. Ends with systemd; its parent's end
# kills it.
#
#	nsboot.sh WORKDIR LOWER[:LOWER...]
set -eu
if [ "$1" != inside ]; then
	exec unshare --pid --mount --net --uts --ipc --cgroup --fork --kill-child=KILL sh "$0" inside "$@"
fi
work=$2
lower=$3
hostname headend-test
mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
root=$work/root
mkdir "$work/upper" "$work/work" "$root"
mount -t overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
	: >"$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mkdir -p "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
exec env -i container=nsboot PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=no
