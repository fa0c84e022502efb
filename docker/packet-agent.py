"""Disturbs packets that arrive in a member's network namespace, and measures links with probes.

Runs in the container that owns the namespace, started by the harness
(harness/environments/docker/packet-agent.ts), which feeds it one command a line
and reads one JSON line for each. It ends with its input. Needs CAP_NET_ADMIN,
CAP_NET_RAW and the kernel's nfnetlink_queue; no package beyond python3-minimal
(which has no json: commands are words, answers are lists of numbers).

The firewall hands it packets through NFQUEUE (linux/netfilter/nfnetlink_queue.h).
It gives each back at once, later, changed, or not at all. A second copy is sent
through a raw socket: it arrives over loopback, which the firewall's rules leave alone.

Commands; SOURCE and addresses are IPv4 (SOURCE also 0.0.0.0/0: anybody), PORTS is `*` or `8300,8301`, times in ms:
  open                                         binds the queue
  seed NUMBER                                  all chance is drawn from it
  add KEY SOURCE PORTS KIND NUMBER...          from now on disturbs what SOURCE sends
  remove KEY                                   and lets go what it holds for it
  counts KEY                                   [seen, touched]
  listen TOKEN                                 collects probes with this number
  send TOKEN SPORT COUNT SPACING SIZE TO...    sends probes to each address
  heard TOKEN                                  [[sender, seq, delay_us, intact], ...] since `listen`
  forget TOKEN                                 ends `listen`
  packet PROTO SPORT DPORT SIZE COUNT TO       bare packets, for firewall rules to count
  connect PORT TIMEOUT TO                      "open", "refused", "timeout" or "unreachable"
"""
import errno
import heapq
import os
import random
import select
import socket
import struct
import sys
import time

PROBE_PORT = 7007
ANYBODY = '0.0.0.0/0'
QUEUE = 5
QUEUE_PACKETS_MAX = 65536
RECEIVE_BUFFER_BYTES = 8 << 20
# A slow link holds so much and drops the rest, as a router's buffer does.
BANDWIDTH_BACKLOG_S = 0.4
PARETO_SHAPE = 3.0

NETLINK_NETFILTER = 12
SOL_NETLINK, NETLINK_NO_ENOBUFS, SO_RCVBUFFORCE = 270, 5, 33
SUBSYSTEM_QUEUE = 3
MSG_PACKET, MSG_VERDICT, MSG_CONFIG = 0, 1, 2
CFG_CMD, CFG_PARAMS, CFG_QUEUE_MAXLEN = 1, 2, 3
ATTR_PACKET_HDR, ATTR_VERDICT_HDR, ATTR_PAYLOAD = 1, 2, 10
COPY_PACKET = 2
NLM_REQUEST, NLM_ACK, NLMSG_ERROR = 1, 4, 2
DROP, ACCEPT = 0, 1

# token, sender's number in the list of the run, sequence, time sent (ns, this machine's monotonic clock)
PROBE = struct.Struct('!4sIIQ')
PROBE_MAGIC = b'SBPR'


def attribute(kind, data):
    length = 4 + len(data)
    return struct.pack('=HH', length, kind) + data + b'\0' * (-length % 4)


class Queue:
    """The netlink socket of one NFQUEUE."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        self.socket.bind((0, 0))
        self._configure(attribute(CFG_CMD, struct.pack('!BBH', 1, 0, socket.AF_INET)))
        self._configure(attribute(CFG_PARAMS, struct.pack('!IB', 0xFFFF, COPY_PACKET)))
        self._configure(attribute(CFG_QUEUE_MAXLEN, struct.pack('!I', QUEUE_PACKETS_MAX)))
        self.socket.setblocking(False)

    def _message(self, kind, flags, attributes):
        body = struct.pack('!BBH', 0, 0, QUEUE) + attributes
        return struct.pack('=IHHII', 16 + len(body), SUBSYSTEM_QUEUE << 8 | kind, NLM_REQUEST | flags, 0, 0) + body

    def _configure(self, attributes):
        self.socket.send(self._message(MSG_CONFIG, NLM_ACK, attributes))
        answer = self.socket.recv(65536)
        code = struct.unpack_from('=i', answer, 16)[0]
        if struct.unpack_from('=H', answer, 4)[0] != NLMSG_ERROR or code != 0:
            raise OSError(-code, 'NFQUEUE: ' + os.strerror(-code))

    def verdict(self, packet_id, verdict, payload=None):
        attributes = attribute(ATTR_VERDICT_HDR, struct.pack('!II', verdict, packet_id))
        if payload is not None:
            attributes += attribute(ATTR_PAYLOAD, payload)
        self.socket.send(self._message(MSG_VERDICT, 0, attributes))

    def packets(self):
        """(id, bytes) of all that wait."""
        while True:
            try:
                data = self.socket.recv(1 << 17)
            except BlockingIOError:
                return
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from('=IH', data, at)
                if kind == SUBSYSTEM_QUEUE << 8 | MSG_PACKET:
                    yield self._packet(data, at + 20, at + length)
                at += (length + 3) & ~3

    @staticmethod
    def _packet(data, at, end):
        packet_id, payload = None, b''
        while at + 4 <= end:
            length, kind = struct.unpack_from('=HH', data, at)
            kind &= 0x3FFF
            if kind == ATTR_PACKET_HDR:
                packet_id = struct.unpack_from('!I', data, at + 4)[0]
            elif kind == ATTR_PAYLOAD:
                payload = data[at + 4:at + length]
            at += (length + 3) & ~3
        return packet_id, payload


class Fate:
    """What becomes of one packet, gathered from every disturbance that it meets."""
    __slots__ = ('lost', 'due', 'copies', 'payload', 'changed')

    def __init__(self, now, payload):
        self.lost, self.due, self.copies, self.payload, self.changed = False, now, 0, payload, False


class Disturbance:
    def __init__(self, source, ports, kind, numbers):
        self.source = None if source == ANYBODY else socket.inet_aton(source)
        self.ports = None if ports == '*' else {int(port) for port in ports.split(',')}
        self.apply = getattr(self, kind)
        self.numbers = numbers
        self.seen = self.touched = 0
        self.in_burst = False
        self.last_due = self.free_at = 0.0

    def matches(self, payload):
        if self.source is not None and payload[12:16] != self.source:
            return False
        if self.ports is None:
            return True
        at = (payload[0] & 15) * 4
        if payload[9] not in (6, 17) or len(payload) < at + 4:
            return False
        source_port, destination_port = struct.unpack_from('!HH', payload, at)
        return source_port in self.ports or destination_port in self.ports

    def loss(self, fate, now):
        """Gilbert: in a burst all is lost; bursts have the mean length asked for, and so has the whole."""
        probability, burst_length = self.numbers
        if burst_length <= 1 or probability >= 1:
            self.in_burst = random.random() < probability
        elif self.in_burst:
            self.in_burst = random.random() >= 1 / burst_length
        else:
            self.in_burst = random.random() < probability / (burst_length * (1 - probability))
        fate.lost = fate.lost or self.in_burst
        return self.in_burst

    def delay(self, fate, now):
        mean, jitter, distribution = self.numbers
        if distribution == 0:
            drawn = mean + random.uniform(-jitter, jitter)
        elif distribution == 1:
            drawn = random.gauss(mean, jitter)
        else:
            drawn = mean + jitter * ((1 - random.random()) ** (-1 / PARETO_SHAPE) - 1)
        # Jitter does not reorder: that is a disturbance of its own.
        fate.due = self.last_due = max(fate.due + max(0.0, drawn) / 1000, self.last_due)
        return True

    def duplicate(self, fate, now):
        chosen = random.random() < self.numbers[0]
        fate.copies += chosen
        return chosen

    def reorder(self, fate, now):
        chosen = random.random() < self.numbers[0]
        if chosen:
            fate.due += self.numbers[1] / 1000
        return chosen

    def corrupt(self, fate, now):
        header = (fate.payload[0] & 15) * 4
        if random.random() >= self.numbers[0] or len(fate.payload) <= header:
            return False
        changed = bytearray(fate.payload)
        # Behind the IP header: a packet that went elsewhere would be another fault.
        changed[random.randrange(header, len(changed))] ^= 1 << random.randrange(8)
        fate.payload, fate.changed = bytes(changed), True
        return True

    def bandwidth(self, fate, now):
        begins = max(fate.due, self.free_at)
        if begins - fate.due > BANDWIDTH_BACKLOG_S:
            fate.lost = True
            return True
        self.free_at = fate.due = begins + len(fate.payload) * 8 / (self.numbers[0] * 1000)
        return True


class Agent:
    def __init__(self):
        self.queue = None
        self.disturbances = {}
        self.held = []
        self.number = 0
        self.sending = []
        self.heard = {}
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.probes = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.probes.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self.probes.bind(('0.0.0.0', PROBE_PORT))
        self.probes.setblocking(False)
        self.input = b''

    def run(self):
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self.probes, select.POLLIN)
        registered = False
        while True:
            if self.queue is not None and not registered:
                poll.register(self.queue.socket, select.POLLIN)
                registered = True
            for descriptor, _ in poll.poll(self.wait_ms()):
                if descriptor == 0:
                    if not self.read_commands():
                        return
                elif descriptor == self.probes.fileno():
                    self.read_probes()
                else:
                    self.read_packets()
            self.release(time.monotonic())
            self.send_due(time.monotonic_ns())

    def wait_ms(self):
        due = [self.held[0][0]] if self.held else []
        due += [self.sending[0][0] / 1e9] if self.sending else []
        return None if not due else max(0, int((min(due) - time.monotonic()) * 1000 + 0.999))

    # -- packets

    def read_packets(self):
        for packet_id, payload in self.queue.packets():
            now = time.monotonic()
            fate = Fate(now, payload)
            for disturbance in self.disturbances.values():
                if not fate.lost and disturbance.matches(payload):
                    disturbance.seen += 1
                    disturbance.touched += bool(disturbance.apply(fate, now))
            if fate.lost:
                self.queue.verdict(packet_id, DROP)
            elif fate.due <= now:
                self.let_go(packet_id, fate)
            else:
                self.number += 1
                heapq.heappush(self.held, (fate.due, self.number, packet_id, fate))

    def release(self, now):
        while self.held and self.held[0][0] <= now:
            _, _, packet_id, fate = heapq.heappop(self.held)
            self.let_go(packet_id, fate)

    def let_go(self, packet_id, fate):
        for _ in range(fate.copies):
            self.send_raw(fate.payload)
        self.queue.verdict(packet_id, ACCEPT, fate.payload if fate.changed else None)

    def send_raw(self, packet):
        try:
            self.raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
        except OSError as error:
            # Full buffers and the like lose a packet, as they would anyone's.
            if error.errno not in (errno.ENOBUFS, errno.EPERM, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EMSGSIZE):
                raise

    # -- probes

    def send_due(self, now):
        while self.sending and self.sending[0][0] <= now:
            due, number, token, source_port, sequence, count, spacing_ns, size, to = heapq.heappop(self.sending)
            probe = PROBE.pack(PROBE_MAGIC, token, sequence, time.monotonic_ns())
            self.send_raw(datagram(source_port, PROBE_PORT, probe + fill(size - len(probe)), to))
            if sequence + 1 < count:
                heapq.heappush(self.sending, (due + spacing_ns, number, token, source_port, sequence + 1, count, spacing_ns, size, to))

    def read_probes(self):
        while True:
            try:
                data, (sender, _) = self.probes.recvfrom(65536)
            except BlockingIOError:
                return
            now = time.monotonic_ns()
            if len(data) < PROBE.size:
                continue
            magic, token, sequence, sent = PROBE.unpack_from(data)
            intact = magic == PROBE_MAGIC and data[PROBE.size:] == fill(len(data) - PROBE.size)
            # A flipped bit may be in the number itself: whoever listens alone takes it.
            if token not in self.heard and len(self.heard) == 1:
                token, intact = next(iter(self.heard)), False
            if token in self.heard:
                delay_us = (now - sent) // 1000
                plausible = 0 <= delay_us < 10 ** 9 and sequence < 1 << 20
                self.heard[token].append((sender, sequence if plausible else 0, delay_us if plausible else 0, intact and plausible))

    # -- commands

    def read_commands(self):
        data = os.read(0, 65536)
        if not data:
            return False
        self.input += data
        while b'\n' in self.input:
            line, self.input = self.input.split(b'\n', 1)
            try:
                answer = self.command(line.decode().split())
            except Exception as error:  # noqa: BLE001 - whatever it is, the harness must hear of it
                answer = '{"error": %s}' % quoted('%s: %s' % (type(error).__name__, error))
            os.write(1, answer.encode() + b'\n')
        return True

    def command(self, words):
        name, words = words[0], words[1:]
        if name == 'open':
            self.queue = self.queue or Queue()
        elif name == 'add':
            key, source, ports, kind, *numbers = words
            self.disturbances[key] = Disturbance(source, ports, kind, [float(number) for number in numbers])
        elif name == 'remove':
            self.disturbances.pop(words[0], None)
        elif name == 'counts':
            disturbance = self.disturbances[words[0]]
            return '[%d, %d]' % (disturbance.seen, disturbance.touched)
        elif name == 'seed':
            random.seed(int(words[0]))
        elif name == 'listen':
            self.heard[int(words[0])] = []
        elif name == 'send':
            token, source_port, count, spacing, size, *targets = words
            for to in targets:
                self.number += 1
                heapq.heappush(self.sending, (time.monotonic_ns(), self.number, int(token), int(source_port), 0, int(count), int(float(spacing) * 1e6), int(size), to))
        elif name == 'heard':
            probes = self.heard.get(int(words[0]), [])
            return '[%s]' % ', '.join('["%s", %d, %d, %d]' % probe for probe in probes)
        elif name == 'forget':
            self.heard.pop(int(words[0]), None)
        elif name == 'packet':
            protocol, source_port, destination_port, size, count, to = words
            make = datagram if protocol == 'udp' else segment
            for _ in range(int(count)):
                self.send_raw(make(int(source_port), int(destination_port), fill(int(size)), to))
        elif name == 'connect':
            return quoted(connect(int(words[0]), int(words[1]), words[2]))
        else:
            raise ValueError('no such command: ' + name)
        return 'null'


def quoted(text):
    return '"%s"' % ''.join(c if c.isprintable() and c not in '"\\' else ' ' for c in text)


def fill(size):
    return b'\x55' * max(0, size)


def header(protocol, size, to):
    # The kernel fills in the sender's address, the number and the checksum.
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + size, 0, 0, 64, protocol, 0, bytes(4), socket.inet_aton(to))


def datagram(source_port, destination_port, data, to):
    # Without a checksum, so that a flipped bit arrives and can be seen.
    return header(17, 8 + len(data), to) + struct.pack('!HHHH', source_port, destination_port, 8 + len(data), 0) + data


def segment(source_port, destination_port, data, to):
    # An acknowledgement for no connection; its checksum is wrong, so that no member's TCP ever answers it.
    return header(6, 20 + len(data), to) + struct.pack('!HHIIBBHHH', source_port, destination_port, 1, 1, 0x50, 0x10, 0, 0, 0) + data


def connect(port, timeout_ms, to):
    with socket.socket() as connection:
        connection.settimeout(timeout_ms / 1000)
        try:
            connection.connect((to, port))
            return 'open'
        except (socket.timeout, TimeoutError):
            return 'timeout'
        except ConnectionRefusedError:
            return 'refused'
        except OSError:
            return 'unreachable'


if __name__ == '__main__':
    Agent().run()
