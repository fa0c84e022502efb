"""What is done to members' disks: each is an image file on a loop device, so that a power cut loses what was not synced.

Runs in containers of the harness (harness/environments/docker/member-disks.ts);
never in a member's own. Prints what it did, for people and for faults.jsonl.

  restore DEVICE IMAGE BEFORE   makes an unmounted device what it was when BEFORE was copied from its IMAGE
  tear SEED NOW AFTER           lets a part of what was lost stay: NOW is the mounted disk, AFTER what the member had written
  damage SEED FRACTION KIND BYTES FILE...   bit-flip or truncate one of some files, at that part of its length
  probe DIRECTORY COUNT         ms that a small write and its sync take, or the error of the first that fails
"""
import errno
import os
import random
import sys
import time

BLOCK = 4096
SECTOR = 512
UNMOUNT_TIMEOUT_S = 15


def data_ranges(descriptor, size):
    """Where a sparse file has something."""
    at = 0
    while at < size:
        try:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        at = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, at


def open_unmounted(device):
    """Only an unmounted device can be opened exclusively: whoever writes under a mounted one destroys it."""
    deadline = time.monotonic() + UNMOUNT_TIMEOUT_S
    while True:
        try:
            return os.open(device, os.O_RDWR | os.O_EXCL)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def differing_blocks(one, other, size):
    wanted = set()
    for descriptor in (one, other):
        for begin, end in data_ranges(descriptor, size):
            wanted.update(range(begin // BLOCK, (end + BLOCK - 1) // BLOCK))
    for block in sorted(wanted):
        content = os.pread(one, BLOCK, block * BLOCK)
        if content != os.pread(other, BLOCK, block * BLOCK):
            yield block, content


def restore(device, image, before):
    target = open_unmounted(device)
    saved, current = os.open(before, os.O_RDONLY), os.open(image, os.O_RDONLY)
    size = os.fstat(saved).st_size
    os.fsync(target)
    count = 0
    for block, content in differing_blocks(saved, current, size):
        os.pwrite(target, content, block * BLOCK)
        count += 1
    os.fsync(target)
    left = sum(1 for _ in differing_blocks(saved, current, size))
    if left > 0:
        raise SystemExit('%d blocks are not what they were before' % left)
    print('%d blocks of 4 KiB lost' % count)


def files_below(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), directory)


def read(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return None


def tear(seed, now, after):
    """Only files that are there in both: that a file was made or renamed is the journal's, which is whole or not at all."""
    chance = random.Random(int(seed))
    torn = []
    for name in sorted(files_below(after)):
        kept, written = read(os.path.join(now, name)), read(os.path.join(after, name))
        if kept is None or written == kept:
            continue
        if len(written) > len(kept) and written.startswith(kept):
            lost = len(written) - len(kept)
            if lost < 2:
                continue
            stays = chance.randint(1, lost - 1)
            part = bytearray(written[len(kept):len(kept) + stays])
            # Its length may have reached the disk before its last sector did: then zeros are read.
            if chance.random() < 0.5:
                begin = max(0, (len(kept) + stays - 1) // SECTOR * SECTOR - len(kept))
                part[begin:] = bytes(len(part) - begin)
            content, what = kept + part, '%s: %d of %d lost bytes stay' % (name, stays, lost)
        else:
            content = bytearray(kept)
            count = 0
            for at in range(0, min(len(kept), len(written)), SECTOR):
                if kept[at:at + SECTOR] != written[at:at + SECTOR] and chance.random() < 0.5:
                    content[at:at + SECTOR] = written[at:at + SECTOR][:len(content) - at]
                    count += 1
            if count == 0:
                continue
            what = '%s: %d changed sectors stay' % (name, count)
        with open(os.path.join(now, name), 'r+b') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        torn.append(what)
    print('; '.join(torn) or 'nothing was being written')


def damage(seed, fraction, kind, count, *paths):
    chance = random.Random(int(seed))
    path = paths[min(len(paths) - 1, int(chance.random() * len(paths)))]
    # Files that are made larger beforehand end in zeros: damage there is none.
    with open(path, 'rb') as file:
        size = len(file.read().rstrip(b'\0')) or os.path.getsize(path)
    if kind == 'truncate':
        length = max(0, size - int(count))
        os.truncate(path, length)
        at = length
    else:
        at = min(size - 1, int(float(fraction) * size))
        with open(path, 'r+b') as file:
            file.seek(at)
            value = file.read(1)[0]
            file.seek(at)
            file.write(bytes([value ^ 1 << chance.randrange(8)]))
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    print('%s %d %d %d' % (path, size, at, length if kind == 'truncate' else size))


def probe(directory, count):
    path = os.path.join(directory, '.splitbrain-probe')
    began = time.monotonic()
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            for _ in range(int(count)):
                os.write(descriptor, b'x' * BLOCK)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        print('took %.1f' % ((time.monotonic() - began) * 1000 / int(count)))
    except OSError as error:
        print('refused %s' % errno.errorcode.get(error.errno, error.errno))
    finally:
        try:
            os.unlink(path)
        except OSError:
            pass


if __name__ == '__main__':
    {'restore': restore, 'tear': tear, 'damage': damage, 'probe': probe}[sys.argv[1]](*sys.argv[2:])
