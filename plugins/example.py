#!/usr/bin/python3
"""A zonemux backend in Python: keeps records in a JSON file.

It speaks the frames that docs/plugin-frames.md describes, with nothing but the standard library. Named in the
configuration as `plugin = "exec:/path/to/example.py"`, with one setting: `file`, where the records are kept.
"""

import json
import os
import struct
import sys

CONFIGURE, OPEN, RECORDS, APPLY, ADJUST, CHECK, CLOSE, PIECE, CANCEL = range(2, 11)
CONFIGURED, REFUSED, DONE, FAILED, ENDPOINTS, COMPLETE, NEXT, UNAPPLIED, ENDED, LOG = range(64, 74)
CREATE, UPDATE_OLD, UPDATE_NEW, DELETE = range(4)
# A list is sent on when there is so much of it.
CHUNK = 100_000


class Failure(Exception):
    """A call that failed, and of which kind."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


# --- frames -----------------------------------------------------------------------------------------


def read_exactly(count):
    data = sys.stdin.buffer.read(count)
    if len(data) < count:
        # The daemon is gone, or does not need this program any more.
        sys.exit(0)
    return data


def receive():
    length, kind, call = struct.unpack("<IB3xI", read_exactly(12))
    return kind, call, read_exactly(length - 8)


def send(kind, call=0, payload=b""):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    sys.stdout.buffer.write(struct.pack("<IB3xI", 8 + len(payload), kind, call) + payload)
    sys.stdout.buffer.flush()


def log(level, message, **fields):
    pairs = [[key, str(value)] for key, value in fields.items()]
    send(LOG, 0, {"level": level, "target": "example", "message": message, "fields": pairs})


def encode(endpoints):
    """Endpoints as columns."""
    numbers, text = [], []

    def add(part):
        part = part.encode()
        numbers.append(len(part))
        text.append(part)

    for endpoint in endpoints:
        targets, labels = endpoint["targets"], endpoint["labels"]
        properties = endpoint["properties"]
        numbers += [endpoint["ttl"], len(targets), len(labels), len(properties)]
        for part in [endpoint["name"], endpoint["type"], endpoint["set"], *targets]:
            add(part)
        for key, value in [*labels, *properties]:
            add(key)
            add(value)
    packed = struct.pack(f"<{len(numbers)}I", *numbers)
    return struct.pack("<I", len(packed)) + packed + b"".join(text)


def decode(columns):
    """Columns as endpoints."""
    (length,) = struct.unpack_from("<I", columns)
    numbers = iter(struct.unpack_from(f"<{length // 4}I", columns, 4))
    position = 4 + length

    def take():
        nonlocal position
        size = next(numbers)
        position += size
        return columns[position - size : position].decode()

    for ttl in numbers:
        targets, labels, properties = next(numbers), next(numbers), next(numbers)
        yield {
            "ttl": ttl,
            "name": take(),
            "type": take(),
            "set": take(),
            "targets": [take() for _ in range(targets)],
            "labels": [(take(), take()) for _ in range(labels)],
            "properties": [(take(), take()) for _ in range(properties)],
        }


# --- the backend ------------------------------------------------------------------------------------


class Backend:
    def __init__(self, told):
        self.file = os.path.join(told["base_directory"], told["settings"]["file"])
        self.records = {}
        # Calls that the daemon does not wait for any more, learnt of while pieces were read.
        self.cancelled = set()

    @staticmethod
    def faults(settings):
        """Every fault of the settings."""
        faults = [
            {"path": key, "message": f"unknown setting `{key}`", "hint": "there is only `file`"}
            for key in settings
            if key != "file"
        ]
        if not isinstance(settings.get("file"), str):
            faults.append({"path": "file", "message": "missing: where the records are kept", "hint": ""})
        return faults

    @staticmethod
    def key(endpoint):
        return endpoint["name"].lower(), endpoint["type"], endpoint["set"]

    def open(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                self.records = {self.key(endpoint): endpoint for endpoint in json.load(file)}
        except FileNotFoundError:
            self.records = {}
        log(3, "records read", records=len(self.records))
        return {"capabilities": {"atomic_units": True}, "adjusts": False}

    def list(self, call):
        batch, size = [], 0
        for endpoint in self.records.values():
            batch.append(endpoint)
            size += len(endpoint["name"]) + sum(map(len, endpoint["targets"])) + 64
            if size > CHUNK:
                send(ENDPOINTS, call, encode(batch))
                batch, size = [], 0
        if batch:
            send(ENDPOINTS, call, encode(batch))
        send(COMPLETE, call)

    def changes(self, call, which):
        """Asks for the changes of a list until it has them all."""
        position, last = 0, False
        while not last:
            send(NEXT, call, struct.pack("<II", which, position))
            while True:
                # Calls come one at a time: what else comes here is a cancel.
                kind, number, payload = receive()
                if (kind, number) == (PIECE, call):
                    break
                if kind == CANCEL:
                    self.cancelled.add(number)
                    if number == call:
                        raise Failure("cancelled", "nobody waits any more")
            _, _, count, last = struct.unpack_from("<IIII", payload)
            yield from decode(payload[16:])
            position += count

    def apply(self, call, told):
        after = dict(self.records)
        if told["delete"]:
            for endpoint in self.changes(call, DELETE):
                after.pop(self.key(endpoint), None)
        if told["update"]:
            for endpoint in self.changes(call, UPDATE_NEW):
                after[self.key(endpoint)] = endpoint
        if told["create"]:
            for index, endpoint in enumerate(self.changes(call, CREATE)):
                if endpoint["type"] == "CNAME" and len(endpoint["targets"]) > 1:
                    reason = "a CNAME has one target"
                    send(UNAPPLIED, call, {"list": "create", "index": index, "kind": "permanent", "reason": reason})
                    continue
                after[self.key(endpoint)] = endpoint
        self.write(after)
        self.records = after

    def write(self, records):
        """All or nothing: another file takes the place of the first."""
        beside = self.file + ".new"
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(list(records.values()), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.file)
        folder = os.open(os.path.dirname(self.file), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def answer(backend, kind, call, payload):
    done = {}
    if kind == OPEN:
        done = backend.open()
    elif kind == RECORDS:
        backend.list(call)
    elif kind == APPLY:
        backend.apply(call, json.loads(payload))
    elif kind not in (CHECK, CLOSE):
        raise Failure("unsupported", f"a call of kind {kind}")
    send(DONE, call, done)


def main():
    kind, _, payload = receive()
    if kind != CONFIGURE:
        sys.exit("the first frame is no `configure`")
    told = json.loads(payload)
    faults = Backend.faults(told["settings"])
    if faults:
        send(REFUSED, 0, {"reason": "settings", "words": faults})
        return
    backend = Backend(told)
    send(CONFIGURED, 0, {"protocol": 1, "sequential": True})
    while True:
        kind, call, payload = receive()
        if kind == CANCEL:
            send(ENDED, call)
            continue
        try:
            answer(backend, kind, call, payload)
        except Failure as failure:
            if call in backend.cancelled:
                backend.cancelled.discard(call)
                send(ENDED, call)
            else:
                send(FAILED, call, {"kind": failure.kind, "message": str(failure)})
        except (OSError, ValueError) as error:
            send(FAILED, call, {"kind": "retryable", "message": str(error)})


if __name__ == "__main__":
    main()
