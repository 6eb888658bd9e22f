from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "consent"

    def ready(self) -> None:
        from chain import topics
        from consent import comparing, following
        from consent.services.granting import TOPIC
        from consent.verification import recompute

        topics.register(TOPIC, recompute=recompute)
        topics.register_comparison(comparing.compare)
        following.register()
