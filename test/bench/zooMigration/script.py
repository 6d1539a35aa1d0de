"""The runbook's forward script on Django: one save() for each row. Prints the rows, and the seconds they took."""
import os
import sys
import time

import django
from django.conf import settings

host, port, database, password, rows = sys.argv[1:6]
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": host,
            "PORT": port,
            "NAME": database,
            "USER": "postgres",
            "PASSWORD": password,
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import models  # noqa: E402


class OracleVersion(models.Model):
    id = models.BigAutoField(primary_key=True)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    name = models.CharField(max_length=255)
    description = models.TextField()
    config = models.JSONField()
    oracle_id = models.BigIntegerField(db_index=True)
    user_id = models.BigIntegerField(db_index=True)
    proxy_model_version = models.ForeignKey("self", null=True, on_delete=models.PROTECT)

    class Meta:
        app_label = "oracles"
        db_table = "oracles_oracleversion"


began = time.perf_counter()
affected = []
for version in OracleVersion.objects.filter(proxy_model_version_id=1)[: int(rows)]:
    version.proxy_model_version_id = 2
    version.save()
    affected.append(version.id)
print(len(affected), time.perf_counter() - began)
