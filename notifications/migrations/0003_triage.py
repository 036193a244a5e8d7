import django.db.models.deletion
import notifications.models.clock
import notifications.models.words
from django.conf import settings
from django.db import migrations, models


BATCH = 1_000


def find_words(apps, schema_editor):
    """Of the notifications that were there before one could search."""
    rows, after = apps.get_model("notifications", "Notification").objects, 0
    while batch := list(rows.filter(pk__gt=after).order_by("pk")[:BATCH]):
        for row in batch:
            texts = (row.title, row.body, row.actor_name, row.target_label, *row.params.values())
            row.words = notifications.models.words.words_of(*texts)
        rows.bulk_update(batch, ["words"])
        after = batch[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0002_inboxes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='categorymute', name='mute_once_per_category'),
        migrations.RenameModel(old_name='CategoryMute', new_name='Mute'),
        migrations.RenameField(model_name='mute', old_name='category', new_name='name'),
        migrations.AlterField(
            model_name='mute',
            name='name',
            field=models.CharField(max_length=200),
        ),
        migrations.AddField(
            model_name='mute',
            name='kind',
            field=models.CharField(default='category', max_length=12),
        ),
        migrations.AddField(
            model_name='mute',
            name='label',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='mute',
            name='until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='mute',
            name='inbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mutes', to='notifications.inbox'),
        ),
        migrations.CreateModel(
            name='Sighting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.BigIntegerField()),
                ('at', models.DateTimeField(default=notifications.models.clock.now)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='notification',
            name='notification_active',
        ),
        migrations.RemoveIndex(
            model_name='notification',
            name='notification_category',
        ),
        migrations.RemoveIndex(
            model_name='notification',
            name='notification_unread',
        ),
        migrations.RemoveIndex(
            model_name='notification',
            name='notification_archived',
        ),
        migrations.AddField(
            model_name='board',
            name='retained_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='delivered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='group_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='group_key',
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name='notification',
            name='group_size',
            field=models.IntegerField(default=1),
        ),
        migrations.AddField(
            model_name='notification',
            name='people',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='notification',
            name='people_count',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='notification',
            name='returned_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='saved_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='sent_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='sent_by',
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name='notification',
            name='snoozed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='snoozed_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='source',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='notification',
            name='superseded_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='unavailable_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notification',
            name='words',
            field=notifications.models.words.WordsField(default=list),
        ),
        migrations.RunPython(find_words, migrations.RunPython.noop, elidable=True),
        migrations.AddField(
            model_name='retraction',
            name='is_of_target',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='notification',
            name='inbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='notifications.inbox'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('archived_at', None), ('retracted_at', None), ('revision__isnull', False), ('snoozed_until', None), ('superseded_at', None)), fields=['inbox', '-arrival'], name='notification_active'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('archived_at', None), ('retracted_at', None), ('revision__isnull', False), ('snoozed_until', None), ('superseded_at', None)), fields=['inbox', 'category', '-arrival'], name='notification_category'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('archived_at', None), ('read_at', None), ('retracted_at', None), ('revision__isnull', False), ('snoozed_until', None), ('superseded_at', None)), fields=['inbox', '-arrival'], name='notification_unread'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('archived_at__isnull', False), ('retracted_at', None), ('revision__isnull', False), ('superseded_at', None)), fields=['inbox', '-arrival'], name='notification_archived'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('retracted_at', None), ('revision__isnull', False), ('saved_at__isnull', False), ('superseded_at', None)), fields=['inbox', '-arrival'], name='notification_saved'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('archived_at', None), ('retracted_at', None), ('revision__isnull', False), ('snoozed_until__isnull', False), ('superseded_at', None)), fields=['inbox', '-arrival'], name='notification_snoozed'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('archived_at', None), ('retracted_at', None), ('revision__isnull', False), ('snoozed_until__isnull', False), ('superseded_at', None)), fields=['snoozed_until'], name='notification_due'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('group_key', ''), _negated=True), fields=['inbox', 'group_key'], name='notification_conversation'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('group_id__isnull', False)), fields=['group_id', '-arrival'], name='notification_group'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('target', ''), _negated=True), fields=['target'], name='notification_target'),
        ),
        migrations.AddField(
            model_name='sighting',
            name='inbox',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sightings', to='notifications.inbox'),
        ),
        migrations.AddConstraint(
            model_name='mute',
            constraint=models.UniqueConstraint(fields=('inbox', 'kind', 'name'), name='mute_once'),
        ),
        migrations.AddIndex(
            model_name='sighting',
            index=models.Index(fields=['inbox', 'revision'], name='sighting_revision'),
        ),
    ]
