"""Writes artifact.json: what Python `packaging` makes of names, versions and file names.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install packaging==26.3
    /tmp/venv/bin/python tests/vectors/artifact.py

The file in the repository was made with `packaging` 26.3. It is read by the
tests of `log_core::artifact`. Cases where that module refuses more or less than
`packaging` on purpose are not here but in those tests.
"""

import itertools
import json
import pathlib

import packaging
from packaging.utils import (
    InvalidName,
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

NAMES = [
    "foo", "Foo", "FOO", "f", "0", "2to3", "foo-bar", "foo_bar", "foo.bar", "Foo.-_Bar",
    "foo--bar", "foo__bar__baz", "zope.interface", "Zope.Interface", "oslo.config",
    "ruamel.yaml.clib", "backports.functools_lru_cache", "a-1", "a1.0", "x" * 128,
    "", " ", "-", "_", ".", "..", "-foo", "foo-", "_foo", "foo_", ".foo", "foo.", "foo bar",
    " foo", "foo ", "foo\n", "foo/bar", "foo\\bar", "foo+bar", "foo!", "foo@1", "foo[bar]",
    "fo\u00f6", "\u212a", "\uff46oo", "fo\u0131", "foo\x00",
]  # fmt: skip

# The examples of PEP 440's normalisation section, then corners.
VERSIONS = [
    "1.1RC1", "00", "09000", "1.0+foo0100", "1.0+007", "1.1.a1", "1.1-a1", "1.1_a1", "1.1a.1",
    "1.1-rc-1", "1.1alpha1", "1.1beta2", "1.1c3", "1.1pre4", "1.1preview5", "1.2a", "1.2-post2",
    "1.2post2", "1.2.post-2", "1.0-r4", "1.0-rev4", "1.2.post", "1.0-1", "1.2-dev2", "1.2dev2",
    "1.2.dev", "1.0+ubuntu-1", "1.0+Ubuntu_1.X", "v1.0", "V1.0", " 1.0\n", "\t1.0 ", "\v1.0\f\r",
    "0", "0.0", "0.0.0", "1", "1.0", "1.0.0", "27.0.0", "1.0.10", "0.0.1", "1.0.0.0.0.0",
    "2026.08.01", "20240101000000", "65535", "65536.1", "1.255", "1.256", "0!1.0", "1!1.0",
    "01!2", "1a1.post2.dev3", "1!1.0rc1.post2.dev3+local.7", "1.0.dev1.post1", "1.0-1-dev",
    "1.0a--1", "1.0a-", "1.0a64", "1.0.post2097152", "1.0.dev18446744073709551614",
    "18446744073709551615", "1.0.post18446744073709551615", "1.0+18446744073709551615",
    "1.0+1e5", "1.0+0x10", "1.0+00a", "1.0+a.b-c_d", "1.0a0+x", "1.0.0+0", "1.0.0+0.0",
    "", " ", "v", "vv1", ".1", "1.", "1..0", "-1", "+1", "1.0-", "1.0_1", "1.0.-1", "1-1-1",
    "1.0+", "1.0+a..b", "1.0+.a", "1.0+a+b", "1.0+a!b", "!1", "1!", "1!!2", "1!2!3", "1,0",
    "1 .0", "1. 0", "1.0 a1", "1.0.*", "1.*", "*", "1.0x", "1.0final", "1.0dev-r1234",
    "1.0post1post2", "1.0a1b1", "1.0devdev", "latest", "1/0", "1\u00b2", "\u0661.0", "1.\uff10",
    "1.0\x00", "1.0\u017f", "1.0+\u212a",
]  # fmt: skip

# Every combination is ordered and compared with every other.
ORDERED = [
    "".join(parts)
    for parts in itertools.product(
        ["0", "1.0", "1.0.0.0.0", "1.0.256", "1!0.1"],
        ["", "a1", "b1", "rc2"],
        ["", ".post0", ".post3"],
        ["", ".dev0", ".dev18446744073709551614"],
        ["", "+a.1", "+1"],
    )
]

WHEELS = [
    "foo-1.0-py3-none-any.whl",
    "Foo-1.0-py2.py3-none-any.whl",
    "foo_bar-1.0.0-1-py3-none-any.whl",
    "foo.bar-1.0-2abc_d.e-cp311-abi3-win_amd64.whl",
    "Foo.Bar_Baz-1!2.0.post1-py3-none-any.whl",
    "foo-1.0RC1-py3-none-any.whl",
    "foo-1.0_rc1-py3-none-any.whl",
    "foo-1.0+local_1-py3-none-any.whl",
    "foo-v1.0-py3-none-any.whl",
    "foo-1.0-00-CP311-CP311-Any.whl",
    "foo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "cryptography-42.0.0-cp37-abi3-macosx_10_12_universal2.whl",
    "foo-1.0-cp38.cp39-abi3.none-linux_x86_64.any.whl",
    # Not wheels.
    "foo-1.0-py3-none-any.zip",
    "foo-1.0-py3-none-any.WHL",
    "foo-1.0-py3-none-any",
    "foo-1.0.whl",
    "foo-1.0-py3-any.whl",
    "foo-bar-1.0-py3-none-any.whl",
    "foo-1.0-1-py3-none-any-x86_64_v3.whl",
    "foo-1.0-py3-none-any-x86_64_v3.whl",
    "foo-1.0-1-2-py3-none-any.whl",
    "foo-1.0-x1-py3-none-any.whl",
    "foo-1.0--py3-none-any.whl",
    "foo--py3-none-any.whl",
    "foo-1.0_1-py3-none-any.whl",
    "foo-1.0x-py3-none-any.whl",
    "1.0-foo-py3-none-any.whl",
    "f@o-1.0-py3-none-any.whl",
    "foo-1.0-py3--any.whl",
    "foo-1.0-py2..py3-none-any.whl",
    "foo-1.0-py3-none.-any.whl",
    "foo-1.0-py3-none-.whl",
    "foo-1.0-py3-none-any..whl",
    "foo-1.0-3py-none-any.whl",
    "foo-1.0-py2.3-none-any.whl",
    "foo-1.0-py+3-none-any.whl",
]

# Names with one possible split, at the last `-`, which is where `packaging` splits.
SDISTS = [
    "foo-1.0.tar.gz",
    "foo_bar-1.0.0.tar.gz",
    "Foo.Bar-1.0rc1.zip",
    "foo-bar-1.0.tar.gz",
    "foo-2-1.0.tar.gz",
    "python-2-foo-0.1.dev3.tar.gz",
    "foo-1!2.0.tar.gz",
    "foo-1.0+local.1.tar.gz",
    "foo-v1.0.tar.gz",
    "2to3-1.tar.gz",
    "foo-1.0.post1.zip",
    # Not sdists.
    "foo.tar.gz",
    "foo-bar.tar.gz",
    "foo_1.0.tar.gz",
    "1.0.tar.gz",
    "foo-1.0x.tar.gz",
    "foo-1.0.linux-x86_64.tar.gz",
    "foo-1.0-py2.7.tar.gz",
    "foo-.tar.gz",
]

# Every (name, version) the file can be made of, the most plausible first.
SPLITS = {
    "foo-1.0-1.tar.gz": [("foo", "1.0-1"), ("foo-1.0", "1")],
    "Foo-v1.0-1.zip": [("foo", "1.0-1"), ("foo-v1.0", "1")],
    "foo-bar-1.0-1.zip": [("foo-bar", "1.0-1"), ("foo-bar-1.0", "1")],
    "foo-1-2.tar.gz": [("foo-1", "2"), ("foo", "1-2")],
    "foo-1-dev-2.tar.gz": [("foo-1-dev", "2"), ("foo", "1-dev-2")],
    "foo-1-2-3.tar.gz": [("foo-1-2", "3"), ("foo-1", "2-3")],
    "foo-1.0-a-1.tgz": [("foo", "1.0-a-1"), ("foo-1.0-a", "1")],
    "foo-1.0-dev.tar.bz2": [("foo", "1.0-dev")],
    "foo-1.0-dev-2.tar.xz": [("foo", "1.0-dev-2"), ("foo-1.0-dev", "2")],
    "Foo.Bar-1.0.tar.Z": [("foo.bar", "1.0")],
    "foo-1.0.tar": [("foo", "1.0")],
    "foo-1.0.egg": [("foo", "1.0")],
    "foo-1.0-py2.7.egg": [("foo", "1.0")],
    "foo_bar-1.0.post2-py2.7-win-amd64.egg": [("foo_bar", "1.0-2")],
    "foo_bar-1.0_2-py2.7-linux-x86_64.egg": [("foo_bar", "1.0-2")],
    "foo-1.0dev_r1234-py2.5.egg": [],
    "foo-bar-1.0-py3.10.egg": [("foo-bar", "1.0")],
    "foo-1.0.win32.exe": [("foo", "1.0")],
    "foo-1.0.win32-py2.7.exe": [("foo", "1.0")],
    "foo-1.0.win-amd64-py2.7.exe": [("foo", "1.0")],
    "foo-bar-1.0rc1.win-amd64-py3.10.msi": [("foo-bar", "1.0rc1")],
    "foo-1.0-1.win32-py2.7.exe": [("foo", "1.0-1"), ("foo-1.0", "1")],
    "foo-1.0.dev3.win32.exe": [("foo", "1.0.dev3")],
    "foo-1.0-rc1.exe": [("foo", "1.0rc1")],
    "foo-1.0_5.exe": [],
    "foo-1.0final.win32.exe": [],
    "foo-1.0.macosx-10.9-x86_64.dmg": [("foo", "1.0"), ("foo-1.0.macosx", "10.9")],
    "foo-1.0-1.noarch.rpm": [("foo", "1.0")],
    "foo-bar-1.0.post1-1.noarch.rpm": [("foo-bar", "1.0-1")],
    "foo-1.0_1-3.src.rpm": [("foo", "1.0-1")],
    "foo_1.0-1_all.deb": [],
    "foo-1.0.deb": [("foo", "1.0")],
    "foo-1.0-py3-none-any.whl": [("foo", "1.0")],
    "foo-1.0-py3-none-any.whl.metadata": [("foo", "1.0")],
    "foo-1.0-py3-none-any-label.whl": [],
    "foo-1.0.tar.gz.asc": [],
    "foo-1.0.tar.gz.metadata": [],
    "foo-1.0.TAR.GZ": [],
    "foo-1.0": [],
}


def name(raw):
    try:
        return canonicalize_name(raw, validate=True)
    except InvalidName:
        return None


def version(raw):
    try:
        return str(Version(raw))
    except InvalidVersion:
        return None


def canonical(raw):
    return canonicalize_version(raw) if version(raw) else None


def order():
    ranks = itertools.groupby(sorted(ORDERED, key=Version), key=Version)
    return [list(equal) for _, equal in ranks]


def wheel(file):
    try:
        project, parsed, build, tags = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return None
    return {
        "project": project,
        "version": str(parsed),
        "build": build[0] if build else None,
        "tags": sorted(map(str, tags)),
    }


def sdist(file):
    try:
        project, parsed = parse_sdist_filename(file)
    except InvalidSdistFilename:
        return None
    return [project, str(parsed)]


VECTORS = {
    "packaging": packaging.__version__,
    "names": [{"raw": raw, "normalised": name(raw)} for raw in NAMES],
    "versions": [
        {"raw": raw, "normalised": version(raw), "canonical": canonical(raw)} for raw in VERSIONS
    ],
    "order": order(),
    "wheels": [{"file": file, "wheel": wheel(file)} for file in WHEELS],
    "sdists": [{"file": file, "sdist": sdist(file)} for file in SDISTS],
    "splits": [
        {"file": file, "candidates": [[name(project), version(raw)] for project, raw in splits]}
        for file, splits in SPLITS.items()
    ],
}


def lines():
    """One case per line, so that changes are easy to read."""
    for key, cases in VECTORS.items():
        if isinstance(cases, list):
            yield f'"{key}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]"
        else:
            yield f'"{key}": {json.dumps(cases)}'


pathlib.Path(__file__).with_suffix(".json").write_text("{\n" + ",\n".join(lines()) + "\n}\n")
