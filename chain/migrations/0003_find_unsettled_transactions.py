from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chain", "0002_remember_where_consents_are")]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                fields=["state"],
                condition=models.Q(state__in=["signed", "sent", "reverted", "dropped"]),
                name="transaction_unsettled",
            ),
        ),
    ]
