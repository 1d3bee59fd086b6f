"""The runtimes that exported students are for, each as something a student can be asked through."""
