"""The registry of apps keeps its promises on one store and across two."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from gateway.contents.apps import App, AppType
from gateway.contents.problem import Code, Problem, Reason
from gateway.state.apps import StateApps
from gateway.state.store import StateStore


@pytest.fixture
def apps(store: StateStore) -> StateApps:
    return StateApps(store)


@pytest.fixture
async def app(apps: StateApps) -> App:
    return await apps.create_app("churn", AppType.NOTEBOOK_PIPELINE, "ada")


async def test_an_app_is_found_again_as_it_was_made(apps: StateApps, app: App) -> None:
    assert await apps.get_app(app.id) == app
    assert (app.stamp.created_by, app.stamp.updated_by, app.stamp.updated) == ("ada", None, None)
    assert app.stamp.created.utcoffset() is not None


async def test_names_of_apps_are_unique(apps: StateApps, app: App) -> None:
    with pytest.raises(Problem) as raised:
        await apps.create_app(app.name, AppType.HAND_AUTHORED, "bo")
    assert (raised.value.code, raised.value.reason) == (Code.CONFLICT, Reason.EXISTS)


async def test_of_racing_creations_one_wins(apps: StateApps, replica: StateStore) -> None:
    others = StateApps(replica)
    made = await asyncio.gather(
        *(each.create_app("same", AppType.HAND_AUTHORED, None) for each in (apps, others) * 4), return_exceptions=True
    )
    assert [type(each) for each in made].count(App) == 1
    assert all(isinstance(each, App) or (isinstance(each, Problem) and each.code is Code.CONFLICT) for each in made)


async def test_apps_are_listed_oldest_first_and_by_type(apps: StateApps, app: App) -> None:
    other = await apps.create_app("another", AppType.HAND_AUTHORED, "ada")
    assert await apps.list_apps() == [app, other]
    assert await apps.list_apps(AppType.HAND_AUTHORED) == [other]
    assert await apps.list_apps(AppType.INFERENCE_SERVICE) == []


async def test_names_of_versions_are_unique_within_their_app(apps: StateApps, app: App) -> None:
    other = await apps.create_app("another", AppType.HAND_AUTHORED, "ada")
    await apps.create_version(app.id, "1.0", active=False, user="ada")
    await apps.create_version(other.id, "1.0", active=False, user="ada")
    with pytest.raises(Problem) as raised:
        await apps.create_version(app.id, "1.0", active=True, user="ada")
    assert raised.value.reason is Reason.EXISTS


async def test_a_refused_active_version_deactivates_nothing(apps: StateApps, app: App) -> None:
    first = await apps.create_version(app.id, "1.0", active=True, user="ada")
    with pytest.raises(Problem):
        await apps.create_version(app.id, "1.0", active=True, user="ada")
    assert await apps.get_version(first.id) == first


async def test_activation_names_the_versions_it_deactivated(apps: StateApps, app: App) -> None:
    first = await apps.create_version(app.id, "1", active=True, user="ada")
    second = await apps.create_version(app.id, "2", active=False, user="ada")
    active, deactivated = await apps.activate_version(second.id, "bo")
    assert (active.active, active.stamp.updated_by, deactivated) == (True, "bo", [first.id])
    assert [version.active for version in await apps.list_versions(app.id)] == [False, True]


async def test_activating_the_active_version_deactivates_none(apps: StateApps, app: App) -> None:
    only = await apps.create_version(app.id, "1", active=True, user="ada")
    active, deactivated = await apps.activate_version(only.id, "ada")
    assert (active.active, deactivated) == (True, [])


async def test_a_version_created_active_deactivates_the_others(apps: StateApps, app: App) -> None:
    await apps.create_version(app.id, "1", active=True, user="ada")
    await apps.create_version(app.id, "2", active=True, user="ada")
    assert [version.active for version in await apps.list_versions(app.id)] == [False, True]


async def test_racing_activations_leave_exactly_one_active(apps: StateApps, app: App, replica: StateStore) -> None:
    versions = [await apps.create_version(app.id, str(n), active=False, user="ada") for n in range(6)]
    replicas = (apps, StateApps(replica))
    await asyncio.gather(*(replicas[n % 2].activate_version(each.id, "ada") for n, each in enumerate(versions)))
    assert [version.active for version in await apps.list_versions(app.id)].count(True) == 1


async def test_a_replaced_notebook_keeps_id_and_creation(apps: StateApps, app: App) -> None:
    version = await apps.create_version(app.id, "1", active=False, user="ada")
    first = await apps.put_notebook(version.id, '{"sha256":"a"}', "ada")
    second = await apps.put_notebook(version.id, '{"sha256":"b"}', "bo")
    assert (second.id, second.stamp.created_by, second.stamp.created) == (first.id, "ada", first.stamp.created)
    assert (second.stamp.updated_by, second.properties) == ("bo", '{"sha256":"b"}')
    assert second.stamp.updated is not None
    assert await apps.get_notebook(version.id) == second
    assert await apps.list_components(version.id) == [second]


async def test_racing_attachments_leave_one_component(apps: StateApps, app: App, replica: StateStore) -> None:
    version = await apps.create_version(app.id, "1", active=False, user="ada")
    replicas = (apps, StateApps(replica))
    attached = await asyncio.gather(*(replicas[n % 2].put_notebook(version.id, str(n), "ada") for n in range(8)))
    assert len({component.id for component in attached}) == 1
    assert len(await apps.list_components(version.id)) == 1


@pytest.mark.parametrize(
    "method", ["get_app", "list_versions", "get_version", "list_components", "get_notebook"], ids=str
)
async def test_an_unknown_id_is_not_found(apps: StateApps, method: str) -> None:
    with pytest.raises(Problem) as raised:
        await getattr(apps, method)(uuid4())
    assert raised.value.code is Code.NOT_FOUND


async def test_writing_under_an_unknown_id_is_not_found(apps: StateApps) -> None:
    for attempt in (
        apps.create_version(uuid4(), "1", active=True, user="ada"),
        apps.activate_version(uuid4(), "ada"),
        apps.put_notebook(uuid4(), "{}", "ada"),
    ):
        with pytest.raises(Problem) as raised:
            await attempt
        assert raised.value.code is Code.NOT_FOUND


async def test_a_version_without_a_notebook_has_none(apps: StateApps, app: App) -> None:
    version = await apps.create_version(app.id, "1", active=False, user="ada")
    assert await apps.list_components(version.id) == []
    with pytest.raises(Problem) as raised:
        await apps.get_notebook(version.id)
    assert raised.value.code is Code.NOT_FOUND
