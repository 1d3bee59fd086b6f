"""An exported folder to the hub, or to another folder: students as models, annotations as data sets.

Nothing is sent that has no card. A repository that does not exist is made, private unless told otherwise.
"""

import shutil
from pathlib import Path

from mindsmirror.delivery.folder import CARD, FIDELITY, require_empty
from mindsmirror.errors import DataError, StorageError
from mindsmirror.system.files import expanded, storage_guard, whole_folder
from mindsmirror.system.progress import Working


def push_folder(folder: Path, target: str, *, public: bool = False) -> str:
    """Bring an exported folder to `target`, a repository's id or a folder's path; returns where it is now.

    DataError for a folder without a card, or a target that is neither; StorageError if the hub or the disk refuses.
    """
    if not (folder / CARD).is_file():
        raise DataError(f"{folder} has no {CARD}, so it is no export. Run `mindsmirror export` first.")
    if target.startswith((".", "/", "~")):
        return _copy(folder, expanded(target))
    if target.count("/") != 1 or not all(target.split("/")):
        raise DataError(f"{target!r} is neither a repository of the hub (you/name) nor a folder (./name).")
    return _upload(folder, target, public=public)


def _copy(folder: Path, out: Path) -> str:
    require_empty(out)
    with storage_guard(out), whole_folder(out) as part:
        shutil.copytree(folder, part, dirs_exist_ok=True)
    return str(out)


def _upload(folder: Path, repository: str, *, public: bool) -> str:
    import httpx2
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    kind = "model" if (folder / FIDELITY).exists() else "dataset"
    api = HfApi(endpoint=constants.ENDPOINT)
    try:
        with Working(f"sending {folder.name} to {repository}"):
            api.create_repo(repository, repo_type=kind, private=not public, exist_ok=True)
            done = api.upload_folder(
                repo_id=repository, folder_path=folder, repo_type=kind, commit_message=f"Upload {folder.name}"
            )
    except HFValidationError as error:
        raise DataError(f"{repository!r} is no name that the hub allows: {error}") from error
    except (HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled, httpx2.HTTPError, OSError) as error:
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise StorageError(
            f"the hub does not take {repository}: {said} Log in with `hf auth login`, or set HF_TOKEN to a token that "
            "may write there."
        ) from error
    return str(done.repo_url)
