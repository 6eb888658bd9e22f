from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chain", "0003_find_unsettled_transactions")]

    operations = [
        migrations.AlterField(
            model_name="mismatch",
            name="kind",
            field=models.CharField(
                choices=[
                    ("leaf", "a leaf does not match what it commits to"),
                    ("gap", "a leaf is missing"),
                    ("tile", "a tile does not match the leaves"),
                    ("head", "a head does not match the leaves"),
                    (
                        "checkpoint",
                        "a checkpoint does not match its head, or its signature does not fit",
                    ),
                    ("chain", "the chain holds something else"),
                    ("contract", "a contract and the rows here contradict each other"),
                ],
                max_length=10,
            ),
        ),
    ]
