"""A stage's configuration as arguments of Hugging Face's Trainer."""

from transformers import TrainingArguments

from mindsmirror.system.hardware import device, use_bf16
from mindsmirror.training.plan import StagePlan


def trainer_arguments(plan: StagePlan, steps: int, batches: int) -> TrainingArguments:
    """The arguments of a stage of so many steps, each of so many batches; checkpoints and validations are even."""
    config, validates = plan.config, plan.validate is not None
    every = max(1, -(-steps // config.checkpoints))
    return TrainingArguments(
        output_dir=str(plan.folder),
        num_train_epochs=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=batches,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup_steps=round(config.warmup * steps),
        lr_scheduler_type="linear",
        bf16=use_bf16(config.precision),
        use_cpu=device() == "cpu",
        seed=plan.seed,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        eval_strategy="steps" if validates else "no",
        eval_steps=every,
        load_best_model_at_end=validates,
        metric_for_best_model="score",
        greater_is_better=True,
        logging_steps=max(1, steps // 20),
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=list(config.trackers) or "none",
        run_name=plan.label,
        dataloader_pin_memory=False,
    )
