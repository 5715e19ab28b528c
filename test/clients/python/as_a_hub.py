"""Downloads a predicted network from a service as from the Hub, twice, and resumes a download. Prints JSON."""

import json
import os
import sys

from huggingface_hub import hf_hub_download, snapshot_download
from safetensors.numpy import load_file


def main(repository: str, revision: str) -> None:
    path = hf_hub_download(repository, "model.safetensors")
    with open(path, "rb") as file:
        whole = file.read()
    again = hf_hub_download(repository, "model.safetensors")
    fetched_again = os.stat(path).st_mtime_ns != os.stat(again).st_mtime_ns

    # As an interrupted download leaves it: the start of the blob, by its name.
    blob = os.path.realpath(path)
    os.remove(path)
    os.remove(blob)
    with open(f"{blob}.incomplete", "wb") as file:
        file.write(whole[:1000])
    with open(hf_hub_download(repository, "model.safetensors"), "rb") as file:
        resumed = file.read()

    snapshot = snapshot_download(repository, revision=revision)
    print(
        json.dumps(
            {
                "tensors": len(load_file(path)),
                "commit": os.path.basename(os.path.dirname(path)),
                "fetchedAgain": fetched_again,
                "resumed": resumed == whole,
                "snapshot": sorted(os.listdir(snapshot)),
            }
        )
    )


main(*sys.argv[1:])
