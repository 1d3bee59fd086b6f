"""The identity of a teacher and the key of its samples, as literals: by them every stored sample is found.

A change here loses what users have paid for. A new option of an engine changes no key, because defaults are left out of
an identity; nor may a module that moves.
"""

from pathlib import Path
from typing import Any

import pytest

from mindsmirror.engines import Message, Sampling, TeacherConfig, engine_identity, engine_names, sample_key

PROMPT = (Message("system", "Be brief."), Message("user", "Two and two? \ud800é"))
DRAWN = Sampling()
WEIGHED = Sampling(temperature=0.0, max_tokens=5, choices=("yes", "no"))

# The teacher's table ({here} is a folder), its identity, and the keys of sample 0 drawn and of sample 3 weighed.
TEACHERS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (
        {"model": "qwen2.5-coder-1.5b-instruct"},
        {
            "engine": "openvino",
            "model": "qwen2.5-coder-1.5b-instruct",
            "sha256": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "parameters": {},
        },
        "021327924788e7cea0c9d8d6d3529724079757e4c51c9be7f0ea204d208490dc",
        "bd7e0a0e1cfa914505c365c8835c3afa28bdd65ff4d053949d02168e02d5cdf9",
    ),
    (
        {"model": "qwen2.5-coder-1.5b-instruct", "engine": "openvino", "parameters": {"in_flight": 8, "cache_gb": 2}},
        {
            "engine": "openvino",
            "model": "qwen2.5-coder-1.5b-instruct",
            "sha256": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "parameters": {},
        },
        "021327924788e7cea0c9d8d6d3529724079757e4c51c9be7f0ea204d208490dc",
        "bd7e0a0e1cfa914505c365c8835c3afa28bdd65ff4d053949d02168e02d5cdf9",
    ),
    (
        {"model": "qwen2.5-coder-1.5b-instruct", "engine": "llama_cpp"},
        {
            "engine": "llama_cpp",
            "model": "qwen2.5-coder-1.5b-instruct",
            "sha256": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "parameters": {},
        },
        "60dc656db2b1723b3f532edbb4424c72fc2674555e841644f14e4a904a0535ca",
        "1e289387ca68b1845257aaf9bb4786281c6d6143eeb19e529ca1162a78ed3a97",
    ),
    (
        {
            "model": "smollm2-135m-instruct",
            "engine": "llama_cpp",
            "parameters": {"slots": 2, "context": 512, "threads": 1, "gpu_layers": 0},
        },
        {
            "engine": "llama_cpp",
            "model": "smollm2-135m-instruct",
            "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "parameters": {},
        },
        "10ffe38c976abe67eed13be4d86d53507c8a76ae06a9c741b0645d262d1612dc",
        "274656567f47399b5fcdbb2ecded48c51c97dacf1224c16fefccfb8df8f4afcc",
    ),
    (
        {"model": "smollm2-135m-instruct", "engine": "transformers"},
        {
            "engine": "transformers",
            "model": "smollm2-135m-instruct",
            "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "parameters": {},
        },
        "c455f1450ab4d088be1d067d7411bb9f625b6ad06de7874a4d74745f0f6b422d",
        "d57fa32ae5bd0f3d21912346b1d0659b5f1b9048caeb1d1bfd82cb3d68c4582e",
    ),
    (
        {"model": "smollm2-135m-instruct", "engine": "transformers", "parameters": {"batch": 2, "dtype": "float32"}},
        {
            "engine": "transformers",
            "model": "smollm2-135m-instruct",
            "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "parameters": {"dtype": "float32"},
        },
        "a000d43fb48b075564070d228b7b303e94319b13ad7ef829be2a83e4803d5a5a",
        "8acee78c0d15cf67f390e529a4af00bf6f4f6dbf16d2f658a529860c8d61f393",
    ),
    (
        {"model": "org/model", "engine": "transformers", "parameters": {"revision": "abc", "trust_remote_code": True}},
        {"engine": "transformers", "model": "org/model", "parameters": {"revision": "abc", "trust_remote_code": True}},
        "427765bd8918a9d17fef0e8237dcee36a4e7a4aff865bdd829ce6cff3a703250",
        "20545767b002cf595c7e904b385d0e80580c703e5eaad61952ac8d0569d3f9bc",
    ),
    (
        {"model": "org/model", "engine": "vllm"},
        {"engine": "vllm", "model": "org/model", "parameters": {}},
        "8c33f1c8b9659893f06553ac5ed96156e71d3932e24a2dcf739ceb603704cfc1",
        "d614f8b67452d0653f25e16a2b0135e5659420beaff3592e62536bc333061090",
    ),
    (
        {
            "model": "org/model",
            "engine": "vllm",
            "parameters": {
                "in_flight": 3,
                "gpu_memory": 0.5,
                "context": 512,
                "gpus": 2,
                "dtype": "float16",
                "revision": "abc",
            },
        },
        {"engine": "vllm", "model": "org/model", "parameters": {"dtype": "float16", "revision": "abc"}},
        "bacd0c81d2219241303161ee76d8103ff5dbf06bb2d6034d60b33ae0863bda74",
        "98633c07e11c21582d983775e391034087af809c8b5559be05a6c993f9368b53",
    ),
    (
        {"model": "gpt-4o-mini", "engine": "openai"},
        {"engine": "openai", "model": "gpt-4o-mini", "base_url": "https://api.openai.com/v1", "parameters": {}},
        "64c6bffab0c4827a59e689aabceaab2262cc450047d28fd24fa7bf1971f923da",
        "7fec90b28e940e692e73a0300fc11db01df7a46d46813b4fb34d253459142fb9",
    ),
    (
        {
            "model": "m",
            "engine": "openai",
            "base_url": "http://host:8000/v1/",
            "price": {"input": 1.0, "output": 2.0},
            "parameters": {"concurrency": 2, "timeout": 3.0, "retries": 0},
        },
        {"engine": "openai", "model": "m", "base_url": "http://host:8000/v1", "parameters": {}},
        "a2f5c7c7574ca1cc80a88da19dc80e2b385bac917339b7fecf39f5c3590836d5",
        "21dd0740ce98fc6181cd64a325482413850e8936dbcd5d7dcbc1b645723dae2f",
    ),
    (
        {
            "model": "m",
            "engine": "openai",
            "base_url": "http://host:8000/v1",
            "parameters": {"extra": {"top_k": 5, "stop": ["a"]}},
        },
        {
            "engine": "openai",
            "model": "m",
            "base_url": "http://host:8000/v1",
            "parameters": {"extra": {"top_k": 5, "stop": ["a"]}},
        },
        "4b3939b2081b4c9b0b601fe4761f477807f97a522f0e56c6b62ebec2e26dcfbf",
        "0cf386e0b76a5ec42a2563ffa676726ee95b3bcd054062f61a60e0978c54a731",
    ),
    (
        {"model": "teacher", "engine": "scripted"},
        {"engine": "scripted", "model": "teacher", "parameters": {}},
        "49687879dfd67a5bc5c19a16474a28ab59d205ed669a717f8391c893e4f256ed",
        "e19005478ef74685a78033476d606df31b806fc0879e21624717f517cba80630",
    ),
    (
        {
            "model": "teacher",
            "engine": "scripted",
            "parameters": {"latency": 0.5, "delay": 0.1, "capacity": 3, "together": 2, "log": "x.log"},
        },
        {"engine": "scripted", "model": "teacher", "parameters": {}},
        "49687879dfd67a5bc5c19a16474a28ab59d205ed669a717f8391c893e4f256ed",
        "e19005478ef74685a78033476d606df31b806fc0879e21624717f517cba80630",
    ),
    (
        {
            "model": "teacher",
            "engine": "scripted",
            "parameters": {"unparsed": 0.25, "malformed": 0.125, "refused": 0.5, "failed": 0.25},
        },
        {
            "engine": "scripted",
            "model": "teacher",
            "parameters": {"unparsed": 0.25, "malformed": 0.125, "refused": 0.5, "failed": 0.25},
        },
        "608bc7344a92fec92521e06ba69a45565c3fba61a296c77c9795363187c804e8",
        "c87513b9c22842febb497d767e577dd40100f9ca94312a22d5859e928320b3af",
    ),
    (
        {"model": "echo", "engine": "scripted", "parameters": {"failed": 0.0}},
        {"engine": "scripted", "model": "echo", "parameters": {}},
        "7be13a042251595e547929f52e7bd75bb8ce4ab1f5659d05f1a2fd6c5526bb71",
        "84af435961863cce2c397f261549b9167706bbe0d717208ee7455435a300cbd8",
    ),
    (
        {"model": "{here}/m.gguf", "engine": "openvino"},
        {
            "engine": "openvino",
            "model": "m.gguf",
            "sha256": "583a3ee3dcfe165b1686159c657930db6c4621e152297fd69760f49eb890671f",
            "parameters": {},
        },
        "0e61ca8f5e8b3cc9b40d829a7383af69a31c918a226e67ef00f0f503fe339dc7",
        "d340a15105431bcfd121f00f7785037f560aa0e6d78c09872e451666fe847cfc",
    ),
    (
        {"model": "{here}/m.gguf", "engine": "llama_cpp"},
        {
            "engine": "llama_cpp",
            "model": "m.gguf",
            "sha256": "583a3ee3dcfe165b1686159c657930db6c4621e152297fd69760f49eb890671f",
            "parameters": {},
        },
        "75d5bec147e2534c872e769a5e6a5d8b66d587f03e4624ac6dae087eaf9d0e31",
        "9a89f36200e463c0fa50dd3f0d662ed4d0df96ae84be6913bf947e6ccb52eaf6",
    ),
    (
        {"model": "{here}/m.gguf", "engine": "transformers"},
        {
            "engine": "transformers",
            "model": "m.gguf",
            "sha256": "583a3ee3dcfe165b1686159c657930db6c4621e152297fd69760f49eb890671f",
            "parameters": {},
        },
        "e1a218ae18c2e220a55ba14f2b1f610bab9f8b3b4c34584568431e05acf5dfb5",
        "ebb54f35a960e4cfdae3d427f8fd5468657973320bf535109044843ed8a545bf",
    ),
    (
        {"model": "{here}/m.gguf", "engine": "vllm"},
        {
            "engine": "vllm",
            "model": "m.gguf",
            "sha256": "583a3ee3dcfe165b1686159c657930db6c4621e152297fd69760f49eb890671f",
            "parameters": {},
        },
        "03e95112a9a563381dd7f861b7ed373de818f79adcdbbba6fe687820dcecf56b",
        "40a9a8b48159ee75b96f2b905be047a192ae351a188e6b14f9d8c33eb1a7c0a9",
    ),
    (
        {"model": "{here}/d", "engine": "openvino"},
        {
            "engine": "openvino",
            "model": "d",
            "sha256": "913cdca2a943b4c8fb487e42e794dc630f2e75da3691042a62bdb3234fec4c28",
            "parameters": {},
        },
        "7807b5877858f389416701ebb6db726f3f5257a7278150003a1ef6ec36c0cbe5",
        "2c73103c5a600298f7b3f4901a6a90824e284f258be56a47e86266a46d8c1cae",
    ),
    (
        {"model": "{here}/d", "engine": "transformers"},
        {
            "engine": "transformers",
            "model": "d",
            "sha256": "913cdca2a943b4c8fb487e42e794dc630f2e75da3691042a62bdb3234fec4c28",
            "parameters": {},
        },
        "2b7a6256353bafcc7d74b92f18f6e439810b128b6007593afc23945c494a7e48",
        "b934f7bb3e6a8c7f4842c1b3aa8e7fafd90d5a6667c6bf4eb604ec6d7a11df64",
    ),
    (
        {"model": "{here}/d", "engine": "vllm"},
        {
            "engine": "vllm",
            "model": "d",
            "sha256": "913cdca2a943b4c8fb487e42e794dc630f2e75da3691042a62bdb3234fec4c28",
            "parameters": {},
        },
        "c2dbf5cd13ff42bd10e21f386610a0e2f4798289d3393dfece4e159bb9d621f3",
        "3299dd018792f00f8d46d64a94c3bffdaf66eae6e58e892a1ed7b1331f661bc2",
    ),
    (
        {"model": "rec", "engine": "recorded", "path": "{here}/r.jsonl"},
        {
            "engine": "recorded",
            "model": "rec",
            "sha256": "26dc72802ddc6375cf7e848a32b15624f2d22347648532a22934df10bf696b31",
        },
        "75ba7cd17201ee29adee9183aba3d795fc16a11fe103049d6055d9fc845a2e78",
        "fde8debceb8275970bea5d72c2ec5d6c9265b1c75c17618c803052c3261d4161",
    ),
    (
        {"model": "rec", "engine": "recorded", "path": "{here}/s.jsonl"},
        {"engine": "other", "model": "x", "parameters": {}},
        "348f63f662b015a557881ca059de7927cb3218e848cac8ccb0109f424663b48e",
        "4bd2cb13ac6a1683d8f29602c98eed1895a68d3f00d28b6b51b5f6f842212a64",
    ),
    (
        {"model": "qwen2.5-coder-1.5b-instruct", "engine": "llama_cpp", "path": "{here}/absent.gguf"},
        {
            "engine": "llama_cpp",
            "model": "qwen2.5-coder-1.5b-instruct",
            "sha256": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "parameters": {},
        },
        "60dc656db2b1723b3f532edbb4424c72fc2674555e841644f14e4a904a0535ca",
        "1e289387ca68b1845257aaf9bb4786281c6d6143eeb19e529ca1162a78ed3a97",
    ),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a model file, a model folder and two recordings, the second of which names who wrote it."""
    (tmp_path / "m.gguf").write_bytes(b"GGUF one")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "model.safetensors").write_bytes(b"one")
    (tmp_path / "d" / "config.json").write_bytes(b"{}")
    row = '{"key": "a", "text": "t"}\n'
    (tmp_path / "r.jsonl").write_text(row)
    (tmp_path / "s.jsonl").write_text('{"identity": {"engine": "other", "model": "x", "parameters": {}}}\n' + row)
    return tmp_path


@pytest.mark.parametrize(("table", "identity", "drawn", "weighed"), TEACHERS)
def test_what_is_stored_is_found_again(
    table: dict[str, Any], identity: dict[str, Any], drawn: str, weighed: str, here: Path
) -> None:
    placed = {key: value.format(here=here) if isinstance(value, str) else value for key, value in table.items()}
    found = engine_identity(TeacherConfig.model_validate(placed))
    assert found == identity
    assert sample_key(found, PROMPT, DRAWN, 0) == drawn
    assert sample_key(found, PROMPT, WEIGHED, 3) == weighed


def test_every_engine_is_pinned() -> None:
    assert {table.get("engine", "openvino") for table, *_ in TEACHERS} == set(engine_names())
