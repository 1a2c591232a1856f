"""The plain design: Django REST framework, one ORM row and one Celery task a signal."""
