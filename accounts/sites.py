"""
The staff workspace: Django's admin as a site of our own, where the role is the only key.

It stands in `accounts` because every app above brings pages to it. They arrive in two shapes: lists
(`WorkspaceAdmin`) and pages (`WorkspacePage`), and both say which roles may open them. What says nothing
is open to nobody, and a superuser is nobody in particular.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from allauth.account import views as account_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.generic import View
from django.views.generic.base import ContextMixin, TemplateResponseMixin
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from accounts.models import Role, User
from accounts.second_factor import has_passed_second_factor

Text = str | Promise


@dataclass(frozen=True)
class MenuEntry:
    """A line of the menu: its words, its Material icon, and its place among the others."""

    title: Text
    icon: str
    order: int


@dataclass(frozen=True)
class Page:
    """One page of the workspace: its address, its view, who may open it, and its line in the menu."""

    route: str
    name: str
    view: Callable[..., HttpResponseBase]
    roles: frozenset[Role]
    menu: MenuEntry | None = None
    is_home: bool = False


class Workspace(UnfoldAdminSite):
    """
    The site. It knows its pages by having been told of each, with the roles that may open it.

    Nothing of Django's admin that reaches past a list's own queryset is routed: no search over all
    models, no autocomplete, no redirect by content type, no list of apps.
    """

    # Routes of Django's and unfold's that we keep; everything else they bring is left out.
    KEPT = frozenset({"index", "login", "logout", "password_change", "jsi18n"})

    final_catch_all_view = False
    enable_nav_sidebar = True

    def __init__(self, name: str = "workspace") -> None:
        self.pages: list[Page] = []
        super().__init__(name)

    # Who enters

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this is a member of staff who has shown a second factor in this session."""
        user = request.user
        return bool(
            user.is_authenticated and user.is_active and user.is_staff and has_passed_second_factor(request)
        )

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), reverse("account_login"))
            if not (request.user.is_active and request.user.is_staff):
                # A patient is not told that there is a workspace.
                raise Http404
            if not self.has_permission(request):
                # The middleware has sent them on already; this holds if it ever goes.
                return redirect("accounts:index")
            request.current_app = self.name
            return guarded(request, *args, **kwargs)

        return inner

    # Pages

    def page(
        self,
        route: str,
        *,
        name: str,
        roles: Iterable[Role],
        menu: MenuEntry | None = None,
        is_home: bool = False,
    ) -> Callable[[type["WorkspacePage"]], type["WorkspacePage"]]:
        """Bring a page to the workspace, for these roles; put it above the view's class."""

        def register(view: type[WorkspacePage]) -> type[WorkspacePage]:
            self.pages.append(Page(route, name, view.as_view(), frozenset(roles), menu, is_home))
            return view

        return register

    def extra_urls(self) -> list[URLPattern]:
        return [
            path(page.route, self.admin_view(self._for_roles(page)), name=page.name) for page in self.pages
        ]

    def get_urls(self) -> list[URLPattern | URLResolver]:
        ours = {page.name for page in self.pages}
        return [
            url
            for url in super().get_urls()
            if isinstance(url, URLResolver) or url.name in self.KEPT or url.name in ours
        ]

    @staticmethod
    def _for_roles(page: Page) -> Callable[..., HttpResponseBase]:
        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # Before anything is looked up, so that the answer cannot depend on what exists.
            if not staff_of(request).has_role(*page.roles):
                raise PermissionDenied
            return page.view(request, *args, **kwargs)

        return view

    # The doors that Django's admin has of its own lead to the portal's account pages

    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect_to_login(
            request.GET.get("next", reverse("workspace:index")), reverse("account_login")
        )

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return account_views.logout(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send each person to the first page of their role."""
        for page in self.pages:
            if page.is_home and staff_of(request).has_role(*page.roles):
                return redirect(f"{self.name}:{page.name}")
        raise PermissionDenied

    # The shell

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Return nothing: the menu is ours, and Django's would list by app what people know by task."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if request.user.is_authenticated:
            context["role_name"] = Role(request.user.role).label
        return context

    def navigation(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the menu of this person's role, in unfold's shape."""
        if not self.has_permission(request):
            return []
        entries = [
            (page.menu, reverse(f"{self.name}:{page.name}"))
            for page in self.pages
            if page.menu and staff_of(request).has_role(*page.roles)
        ]
        entries += [
            (admin.menu, reverse(f"{self.name}:{admin.opts.app_label}_{admin.opts.model_name}_changelist"))
            for admin in self._registry.values()
            if isinstance(admin, WorkspaceAdmin) and admin.menu and admin.has_module_permission(request)
        ]
        entries.sort(key=lambda entry: entry[0].order)
        here = max(
            (link for _menu, link in entries if request.path.startswith(link)), key=len, default=request.path
        )
        return [
            {
                "items": [
                    {"title": menu.title, "icon": menu.icon, "link": link, "active": link == here}
                    for menu, link in entries
                ]
            }
        ]


def staff_of(request: HttpRequest) -> User:
    """
    Return who is signed in.

    :raises PermissionDenied: if nobody is, which `admin_view` leaves to nobody
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


workspace = Workspace()


class WorkspacePage(TemplateResponseMixin, ContextMixin, View):
    """A page inside the shell that is no list. Its template is Django's, since the shell's are."""

    template_engine = "django"
    title: Text = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{**workspace.each_context(self.request), "title": self.title, **kwargs}
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data())


class WorkspaceAdmin(ModelAdmin):
    """
    A list of the workspace. Its roles may read it; nobody adds, changes or deletes through it.

    What is changed, is changed by a verb of `services.py` behind a page of its own, which leaves its trace in
    the audit log. So Django's own history is never written: it would hold names in clear.
    """

    roles: frozenset[Role] = frozenset()
    menu: MenuEntry | None = None

    # What the list is for, and what an empty one says will appear here.
    introduction: Text = ""
    empty_title: Text = _("Nothing here yet")
    empty_text: Text = ""

    change_list_template = "admin/workspace_list.html"

    # Whether a line has a page of its own, read only, made by Django from the model's fields.
    has_line_page = False

    list_display_links: Any = None
    sortable_by: tuple[str, ...] = ()
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    actions = ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return staff_of(request).has_role(*self.roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """Route the list and, where wanted, its lines; neither adding, nor deleting, nor history."""
        stem = f"{self.opts.app_label}_{self.opts.model_name}"
        kept = {f"{stem}_changelist", *([f"{stem}_change"] if self.has_line_page else [])}
        return [url for url in super().get_urls() if url.name in kept]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = self.menu.title if self.menu else self.opts.verbose_name_plural
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse every look-up but the list's own filters: addresses could probe columns with it."""
        return lookup in {one.parameter_name for one in self.get_list_filter(request)}

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write nothing; see above."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write nothing; see above."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Write nothing; see above."""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """What unfold calls for the menu; named in its settings."""
    return workspace.navigation(request)
