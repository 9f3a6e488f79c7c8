# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a bundle folder: verified when read, replaced as a whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vit_perception.output.write import new_folder, try_new_folder
from vit_perception.wording import one_line, shown, shown_path

MANIFEST = "bundle.yaml"

# ONNX files are protobuf, which is limited to 2 GiB.
_MAX_FILE_BYTES = 2**31
_MAX_NAME_LENGTH = 1000


class BundleError(ValueError):
    """A bundle is refused; one line naming the file, what was expected and what was found."""


class TextEncoderFiles(NamedTuple):
    """A text encoder inside a bundle, see `vit_perception.text.graph_encoder`.

    Attributes:
        graph: bytes of an ONNX file, from tokens to text embeddings.
        tokenizer: bytes of a tokenizer.json.
    """

    graph: bytes
    tokenizer: bytes


def find_manifest(directory: Path) -> Path:
    """Returns the bundle.yaml of a folder.

    It may be a link to another bundle.yaml, as colcon makes it, but to no other file: error
    messages quote the manifest and could show that file.

    Raises:
        BundleError: the file is absent, or a link to a file of another name.
    """
    path = directory / MANIFEST
    # Unlike Path's methods, these return False for a path that is too long or not accessible.
    if not os.path.isfile(path):
        found = f"no {MANIFEST}" if os.path.isdir(directory) else "no such folder"
        raise BundleError(
            f"{shown_path(directory)}: expected a folder with {MANIFEST}, found {found}"
        )
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise BundleError(
            f"{shown_path(path)}: expected a file, found {_reason(error)}"
        ) from error
    if real.name != MANIFEST:
        raise BundleError(
            f"{shown_path(path)}: expected {MANIFEST}, found a link to {shown_path(real)}"
        )
    return path


def read_verified(directory: Path, file: str, digest: str) -> bytes:
    """Returns the bytes of one file of a bundle after checking their hash.

    Args:
        directory: the bundle.
        file: relative path with "/", as the manifest lists it.
        digest: sha256, lower-case hexadecimal.

    Raises:
        BundleError: the file is outside the folder, unreadable, too large, or changed.
    """
    path = directory / file
    shown_file = shown_path(path)
    parts = PurePosixPath(file).parts
    outside = not parts or PurePosixPath(file).is_absolute() or ".." in parts
    if outside or not file.isprintable() or len(file) > _MAX_NAME_LENGTH:
        raise BundleError(
            f"{shown_path(directory / MANIFEST)}: expected files inside the folder, "
            f"found {shown(file)}"
        )
    # A colcon workspace built with --symlink-install links each file of the bundle, the
    # manifest too, to one source folder: the files may lie beside the real manifest.
    try:
        real = path.resolve(strict=True)
        homes = (directory.resolve(), (directory / MANIFEST).resolve().parent)
    except (OSError, RuntimeError) as error:
        raise BundleError(f"{shown_file}: expected a file, found {_reason(error)}") from error
    if not any(real.is_relative_to(home) for home in homes):
        raise BundleError(
            f"{shown_file}: expected a file inside the folder, found a link to {shown_path(real)}"
        )
    if not real.is_file():
        raise BundleError(f"{shown_file}: expected a file, found something else")
    try:
        size = real.stat().st_size
        if size > _MAX_FILE_BYTES:
            raise BundleError(
                f"{shown_file}: expected at most {_MAX_FILE_BYTES} bytes, found {size}"
            )
        data = real.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{shown_file}: expected a readable file, found {_reason(error)}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise BundleError(f"{shown_file}: expected sha256 {digest}, found {found}")
    return data


def check_destination(directory: Path) -> None:
    """Refuses a folder where no bundle can be written, before the work that makes its content.

    Raises:
        BundleError: there is something other than a bundle or an empty folder.
        OutputError: it cannot be written.
    """
    _refuse_other_content(directory)
    try_new_folder(directory)


def _refuse_other_content(directory: Path) -> None:
    if os.path.exists(directory) and not _is_replaceable(directory):
        raise BundleError(
            f"{shown_path(directory)}: expected a bundle or an empty folder to replace, "
            "found other content"
        )


def _is_replaceable(target: Path) -> bool:
    if not os.path.isdir(target) or os.path.isfile(target / MANIFEST):
        return os.path.isfile(target / MANIFEST)
    try:
        return not os.listdir(target)
    except OSError as error:
        raise BundleError(
            f"{shown_path(target)}: expected a folder to read, found {_reason(error)}"
        ) from error


def replace_folder(
    target: Path, files: Callable[[], Mapping[str, bytes]], check: Callable[[Path], object]
) -> None:
    """Writes a folder beside its destination, checks it there, then puts it into place.

    Args:
        target: destination; a bundle or empty folder that is there is removed.
        files: returns relative path to content; called when no other process can write there.
        check: called with the new folder before anything is replaced; raises to refuse it.

    Raises:
        BundleError: a file would lie outside the folder, or the destination has other content.
        OutputError: it cannot be written, or another process writes it.
    """
    with new_folder(target) as new:
        for file, data in files().items():
            path = new / file
            if not path.resolve().is_relative_to(new.resolve()):
                raise BundleError(
                    f"{shown_path(target)}: expected files inside the folder, found {shown(file)}"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            check(new)
        except BundleError as error:
            message = str(error).replace(shown_path(new), shown_path(target))
            raise BundleError(message) from error
        # Another command may have begun to write there since the destination was checked.
        _refuse_other_content(target)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or one_line(error)
