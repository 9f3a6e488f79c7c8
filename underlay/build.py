# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Build Python type support of vision_msgs and tf2_msgs into a virtual environment.

The rclpy wheels bring ROS 2 to a machine that has none, but not these two message packages.
This script generates their code with the rosidl generators of the wheels, compiles it with a C++
compiler into one library and one extension module per package, and installs them beside the
wheels, so that ``from vision_msgs.msg import Detection2DArray`` works in that environment. On a
robot both are Debian packages and nothing is built.

Usage: ``.venv/bin/python underlay/build.py [--force] [--jobs N]``
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PREFIX = Path(sys.prefix)
SITE = Path(sysconfig.get_path("platlib"))
# Package -> the message packages of the wheels that its fields use, directly or through another.
PACKAGES = {
    "vision_msgs": ("std_msgs", "geometry_msgs", "builtin_interfaces"),
    "tf2_msgs": ("std_msgs", "geometry_msgs", "builtin_interfaces"),
}
IMPLEMENTATIONS = ("rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c")
SUPPORTS = tuple(name.removeprefix("rosidl_") for name in IMPLEMENTATIONS)
RUNTIME_LIBRARIES = (
    *IMPLEMENTATIONS,
    "rosidl_typesupport_fastrtps_cpp",
    "rosidl_typesupport_c",
    "rosidl_runtime_c",
    "rmw",
    "rcutils",
    "fastcdr",
)
# fastcdr's headers need C++17; type support runs once per message, so -O1 is fast enough.
FLAGS = ("-fPIC", "-O1", "-w")


class UnderlayError(Exception):
    """What is missing or wrong, in one line."""


def main() -> int:
    """Build what is missing or out of date; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--force", action="store_true", help="build even what is up to date")
    parser.add_argument("--jobs", type=int, default=2, help="compilers to run at once (2)")
    arguments = parser.parse_args()
    try:
        for package in PACKAGES:
            outcome = build(package, force=arguments.force, jobs=max(1, arguments.jobs))
            print(f"underlay: {package}: {outcome}", flush=True)
    except UnderlayError as error:
        print(f"underlay: {error}", file=sys.stderr)
        return 1
    return 0


def build(package: str, *, force: bool, jobs: int) -> str:
    """Build and install one package unless it is there; return what was done."""
    elsewhere = installed_elsewhere(package)
    if elsewhere is not None:
        return f"already at {elsewhere}"
    check_environment()
    stamp = PREFIX / "share" / package / "underlay.stamp"
    wanted = fingerprint(package)
    if not force and stamp.is_file() and stamp.read_text() == wanted:
        return "up to date"
    with tempfile.TemporaryDirectory(prefix="underlay_") as scratch:
        work = Path(scratch)
        generate(package, work)
        check_hashes(package, work / "code" / package)
        compile_package(package, work, jobs)
        install(package, work)
    stamp.write_text(wanted)
    return "built"


def installed_elsewhere(package: str) -> Path | None:
    """Where the package comes from if it is not from this environment (a sourced ROS)."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).resolve().parent
    return None if folder == (SITE / package).resolve() else folder


def check_environment() -> None:
    """Refuse, in one line, an environment in which the build cannot work."""
    if sys.prefix == sys.base_prefix:
        raise UnderlayError("run this with a virtual environment's Python: .venv/bin/python")
    if importlib.util.find_spec("rosidl_generator_py") is None:
        raise UnderlayError(f"no rosidl generators in {PREFIX}: pip install 'ros-rclpy[fastrtps]'")
    if shutil.which(compiler()[0]) is None:
        raise UnderlayError(f"no C++ compiler '{compiler()[0]}': apt install g++")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file():
        raise UnderlayError(f"{header} is missing: apt install python3-dev")


def compiler() -> list[str]:
    return shlex.split(os.environ.get("CXX", "g++"))


def fingerprint(package: str) -> str:
    """A digest of everything the build depends on."""
    digest = hashlib.sha256()
    for file in (Path(__file__), *sorted((HERE / package).rglob("*"))):
        if file.is_file():
            digest.update(file.read_bytes())
    versions = sorted(
        f"{found.metadata['Name']}={found.version}"
        for found in importlib.metadata.distributions()
        if (found.metadata["Name"] or "").startswith(("ros-", "rclpy"))
    )
    digest.update("\n".join([sys.version, *versions]).encode())
    return digest.hexdigest() + "\n"


def generate(package: str, work: Path) -> None:
    """Write the package's IDL, type descriptions, C code and Python code under ``work``."""
    # The generators find their templates through the ament index, which is this environment.
    os.environ["AMENT_PREFIX_PATH"] = str(PREFIX)
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_generator_type_description.cli import HashTypeDescription
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    code, python = work / "code" / package, work / "python" / package
    include = [str(PREFIX / "share")]
    messages = sorted((HERE / package / "msg").glob("*.msg"))
    with contextlib.redirect_stdout(io.StringIO()):  # the adapter prints a line for every file
        for message in messages:
            convert_msg_to_idl(HERE / package, package, Path("msg") / message.name, code / "msg")
        idl = [f"{code}:msg/{message.stem}.idl" for message in messages]
        hashes = HashTypeDescription("hash").generate_type_hashes(package, idl, include, code)
        GenerateC("c").generate(package, idl, include, code, hashes)
        # Fast DDS needs its own kind, and up to Jazzy introspection beside it.
        for generator in (
            GenerateFastRTPSCTypesupport("fastrtps_c"),
            GenerateIntrospectionCTypesupport("introspection_c"),
            GenerateCTypesupport("c", typesupport_implementations=list(IMPLEMENTATIONS)),
        ):
            generator.generate(package, idl, include, code)
        GeneratePython("py", typesupport_implementations=["rosidl_typesupport_c"]).generate(
            package, idl, include, python
        )


def check_hashes(package: str, code: Path) -> None:
    """Refuse definitions that would be other types on the wire than the published ones."""
    rows = (line.split() for line in (HERE / "type_hashes.txt").read_text().splitlines())
    published = {name: value for name, value in rows if name.startswith(f"{package}/")}
    for name, value in published.items():
        file = code / "msg" / f"{name.rsplit('/', 1)[1]}.json"
        if not file.is_file():
            raise UnderlayError(f"{HERE / package}: {name} is not defined")
        entries = json.loads(file.read_text())["type_hashes"]
        found = next(entry["hash_string"] for entry in entries if entry["type_name"] == name)
        if found != value:
            raise UnderlayError(f"{name}: expected type hash {value}, found {found}")


def compile_package(package: str, work: Path, jobs: int) -> None:
    """Compile the generated C and C++ into a library, and the Python side into a module on it."""
    code, python = work / "code", work / "python" / package
    includes = [f"-I{folder}" for folder in include_folders(code)]
    library = work / "lib" / library_name(package, "generator_c")
    library.parent.mkdir()
    module = python / f"{package}_s__rosidl_typesupport_c{sysconfig.get_config_var('EXT_SUFFIX')}"
    wheels = [
        f"-l{dependency}__rosidl_{part}"
        for dependency in PACKAGES[package]
        for part in ("generator_c", "generator_py", "typesupport_c", *SUPPORTS)
    ]
    wheels += [f"-l{name}" for name in RUNTIME_LIBRARIES]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        objects = compile_all(sorted([*code.rglob("*.c"), *code.rglob("*.cpp")]), includes, pool)
        link(library, [*objects, f"-Wl,-soname,{library.name}", *wheels], PREFIX / "lib")
        objects = compile_all(sorted(python.rglob("*.c")), includes, pool)
        link(module, [*objects, str(library), *wheels], SITE / package)
    # ROS looks each kind of type support up under a library name of its own.
    for part in ("typesupport_c", *SUPPORTS):
        (library.parent / library_name(package, part)).symlink_to(library.name)


def library_name(package: str, part: str) -> str:
    return f"lib{package}__rosidl_{part}.so"


def compile_all(
    sources: list[Path], includes: list[str], pool: concurrent.futures.ThreadPoolExecutor
) -> list[str]:
    """Compile each source beside itself; return the object files."""
    objects = [source.with_name(source.name + ".o") for source in sources]
    for _ in pool.map(compile_one, sources, objects, [includes] * len(sources)):
        pass
    return [str(item) for item in objects]


def link(target: Path, items: list[str], installed_in: Path) -> None:
    """Link ``target``, which finds the environment's libraries from where it will be installed."""
    folder = PREFIX / "lib"
    search = [f"-L{folder}", f"-Wl,-rpath,$ORIGIN/{os.path.relpath(folder, installed_in)}"]
    call([*compiler(), "-shared", "-Wl,--as-needed", *search, "-o", str(target), *items], "link")


def include_folders(code: Path) -> list[Path]:
    import numpy

    root = PREFIX / "include"
    wheels = sorted(folder for folder in root.iterdir() if folder.is_dir())
    headers = (sysconfig.get_path("include"), numpy.get_include())
    return [code, root, *wheels, *map(Path, headers)]


def compile_one(source: Path, target: Path, includes: list[str]) -> None:
    language = ["-x", "c", "-std=gnu11"] if source.suffix == ".c" else ["-x", "c++", "-std=c++17"]
    command = [*compiler(), *FLAGS, *language, *includes, "-c", str(source), "-o", str(target)]
    call(command, source.name)


def call(command: list[str], what: str) -> None:
    """Run a compiler; its first error becomes the one line that the user sees."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if "error" in line]
        reason = (lines or result.stderr.splitlines() or ["no message"])[0]
        raise UnderlayError(f"{what}: {command[0]} ended with {result.returncode}: {reason}")


def install(package: str, work: Path) -> None:
    """Copy the Python package to site-packages and the definitions to share, as ROS has them."""
    module, share = SITE / package, PREFIX / "share" / package
    for folder in (module, share):
        if folder.exists():
            shutil.rmtree(folder)
    ignored = shutil.ignore_patterns("*.c", "*.o")
    shutil.copytree(work / "python" / package, module, ignore=ignored)
    (module / "__init__.py").touch()
    shutil.copytree(HERE / package, share)
    for file in (work / "code" / package / "msg").glob("*.[ij][ds][lo]*"):
        shutil.copy(file, share / "msg")
    for library in (work / "lib").iterdir():
        (PREFIX / "lib" / library.name).unlink(missing_ok=True)
        shutil.copy2(library, PREFIX / "lib", follow_symlinks=False)
    index = PREFIX / "share" / "ament_index" / "resource_index"
    interfaces = sorted(f"msg/{file.name}" for file in (share / "msg").glob("*.[im]*"))
    for kind, content in (("packages", ""), ("rosidl_interfaces", "\n".join(interfaces))):
        (index / kind).mkdir(parents=True, exist_ok=True)
        (index / kind / package).write_text(content)


if __name__ == "__main__":
    sys.exit(main())
