from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        from audit.services import TOPIC
        from audit.verification import recompute
        from chain import topics

        topics.register(TOPIC, recompute=recompute)
