"""Copy the first prompts of a trace as a trace of their own, small enough to be installed.

``python -m models.excerpt traces/tiny traces/tiny-demo --prompts 6`` made ``traces/tiny-demo``.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from models.ledger import outside_mass
from traces.format.manifest import LATENCY, read_manifest, write_manifest
from traces.format.texts import TEXTS


def excerpt(source: Path, target: Path, num_prompts: int) -> None:
    """Write a new trace of the first prompts of another; its shards are the same bytes.

    Raises
    ------
    TraceError
        The source is not a trace.
    FileExistsError
        There is something at the target.
    """
    manifest = read_manifest(source)
    kept = tuple(shard for shard in manifest.shards if shard.prompt < num_prompts)
    target.mkdir(parents=True)
    for name in (*(shard.file for shard in kept), LATENCY, TEXTS):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    own = {"name": target.name, "prompts": manifest.prompts[:num_prompts], "shards": kept}
    part = manifest.model_copy(update=own)
    write_manifest(target, part.model_copy(update={"outside_mass": outside_mass(target, part)}))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path, help="folder of a trace")
    parser.add_argument("target", type=Path, help="folder to make")
    parser.add_argument("--prompts", type=int, required=True, help="how many, from the first")
    given = parser.parse_args()
    excerpt(given.source, given.target, given.prompts)


if __name__ == "__main__":
    main()
