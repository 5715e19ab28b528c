"""Fetches a file with huggingface_hub, or finds it in its cache, as the environment says. Prints JSON."""
import json
import sys

from huggingface_hub import hf_hub_download, scan_cache_dir

repository, file = sys.argv[1:3]
path = hf_hub_download(repository, file)
cache = scan_cache_dir()
print(json.dumps({
    "path": path,
    "repositories": [repo.repo_id for repo in cache.repos],
    "files": [f.file_name for repo in cache.repos for revision in repo.revisions for f in revision.files],
    "refs": sorted(ref for repo in cache.repos for revision in repo.revisions for ref in revision.refs),
    "warnings": [str(warning) for warning in cache.warnings],
}))
