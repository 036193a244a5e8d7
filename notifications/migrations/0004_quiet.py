from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_triage")]

    operations = [
        migrations.AddField("inbox", "shows_toasts", models.BooleanField(default=True)),
        migrations.AddField("inbox", "has_shortcuts", models.BooleanField(default=True)),
    ]
