"""Tar archives byte by byte, and images around them: what tarfile would correct, or cannot write, can be said here. The same
input always makes the same bytes."""

import gzip
import hashlib
import json
import struct

BLOCK = 512
FILE, HARD, SYM, CHR, BLK, DIR, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"


def number(value, width):
    """Octal with its NUL, or base-256 where that does not do (tar(5): numeric extensions)."""
    if isinstance(value, bytes):
        return value.ljust(width, b"\0")
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0x80 if value >= 0 else 0xFF]) + (value % 256 ** (width - 1)).to_bytes(width - 1, "big")


def pad(data):
    return data + b"\0" * (-len(data) % BLOCK)


def octets(text):
    return text.encode() if isinstance(text, str) else text


def header(name, type=FILE, size=0, mode=0o644, uid=0, gid=0, mtime=1000000000, link="", major=0, minor=0,
           magic=b"ustar\x0000", rest=b"", checksum=None):
    """rest is what stands from byte 345 on."""
    h = bytearray(BLOCK)
    h[0:100] = octets(name)[:100].ljust(100, b"\0")
    h[100:108] = number(mode, 8)
    h[108:116] = number(uid, 8)
    h[116:124] = number(gid, 8)
    h[124:136] = number(size, 12)
    h[136:148] = number(mtime, 12)
    h[148:156] = b" " * 8
    h[156:157] = type
    h[157:257] = octets(link)[:100].ljust(100, b"\0")
    h[257:265] = magic
    h[329:337] = number(major, 8)
    h[337:345] = number(minor, 8)
    h[345:345 + len(rest)] = rest
    h[148:156] = b"%06o\0 " % (sum(h) if checksum is None else checksum)
    return bytes(h)


def entry(name, content=b"", **how):
    content = octets(content)
    if how.get("type", FILE) in (DIR, SYM, HARD):
        how.setdefault("mode", 0o755)
    return header(name, size=how.pop("size", len(content)), **how) + pad(content)


def file(name, content="evil", **how):
    return entry(name, content, **how)


def directory(name, **how):
    return entry(name, type=DIR, **how)


def symlink(name, target, **how):
    return entry(name, type=SYM, link=target, **how)


def hardlink(name, target, **how):
    return entry(name, type=HARD, link=target, **how)


def record(key, value):
    """One record of a pax header, which begins with its own length."""
    body = b" " + octets(key) + b"=" + octets(value) + b"\n"
    n = len(body) + 1
    while len(str(n)) + len(body) != n:
        n = len(str(n)) + len(body)
    return str(n).encode() + body


def pax_raw(data, type=b"x"):
    return header("PaxHeaders/x", type=type, size=len(data)) + pad(data)


def pax(**records):
    return pax_raw(b"".join(record(k.replace("__", "."), v) for k, v in records.items()))


def pax_list(pairs):
    return pax_raw(b"".join(record(k, v) for k, v in pairs))


def gnu_long(kind, text):
    """kind: b"L" for a name, b"K" for a link's target."""
    data = octets(text) + b"\0"
    return header("././@LongLink", type=kind, size=len(data), magic=b"ustar  \0") + pad(data)


END = b"\0" * (2 * BLOCK)


def tar(*parts):
    return b"".join(parts) + END


# --- compression that libraries would not write -----------------------------------------------------------------------------------


def gz(data):
    return gzip.compress(data, 1, mtime=0)


def zstd_frame(data, window=None):
    """Raw blocks. window: an exponent, else a single segment (RFC 8878)."""
    blocks = [data[i:i + 65536] for i in range(0, len(data), 65536)] or [b""]
    out = b"\x28\xb5\x2f\xfd"
    if window is None:
        out += bytes([0xE0]) + struct.pack("<Q", len(data))
    else:
        out += bytes([0x00, (window - 10) << 3])
    for i, b in enumerate(blocks):
        out += ((len(b) << 3) | (i == len(blocks) - 1)).to_bytes(3, "little") + b
    return out


def zstd_skippable(data):
    return b"\x5a\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


# --- images ------------------------------------------------------------------------------------------------------------------------

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def dumps(value):
    return json.dumps(value, separators=(",", ":")).encode()


def config(*layers, **more):
    ids = ["sha256:" + sha(layer) for layer in layers]
    return dumps({"architecture": "amd64", "os": "linux", "config": more, "rootfs": {"type": "layers", "diff_ids": ids}})


def docker_archive(name, *layers, pack=lambda data: data, **more):
    """As `docker save` writes it; each layer is stored as pack() makes it."""
    out, names = [], []
    for i, layer in enumerate(layers):
        names.append("%d/layer.tar" % i)
        out.append(file(names[-1], pack(layer)))
    c = config(*layers, **more)
    out.append(file(sha(c) + ".json", c))
    out.append(file("manifest.json", dumps([{"Config": sha(c) + ".json", "RepoTags": [name], "Layers": names}])))
    return tar(*out)


class Oci:
    """An OCI archive in the making."""

    def __init__(self):
        self.parts = [file("oci-layout", '{"imageLayoutVersion":"1.0.0"}')]

    def blob(self, data, media_type, **change):
        self.parts.append(file("blobs/sha256/" + sha(data), data))
        return {"mediaType": media_type, "digest": "sha256:" + sha(data), "size": len(data), **change}

    def image(self, *layers, pack=gz, **more):
        c = self.blob(config(*layers, **more), CONFIG)
        stored = [self.blob(pack(layer), LAYER + "+gzip") for layer in layers]
        return self.blob(dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": c, "layers": stored}), MANIFEST)

    def end(self, *manifests, name=None):
        for m in manifests if name else ():
            m["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.parts.append(file("index.json", dumps({"schemaVersion": 2, "manifests": manifests})))
        return tar(*self.parts)


def oci_archive(name, *layers, pack=gz, **more):
    oci = Oci()
    return oci.end(oci.image(*layers, pack=pack, **more), name=name)
