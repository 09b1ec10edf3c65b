"""What an owner does to a launch template: a new version of it, which groups launch from then on, or do not."""

from fleetkeeper.sim.aws.fleet import groups_of, launched_version, templates_of
from fleetkeeper.sim.world import SimAutoScalingGroup, SimCluster, SimTemplate, World


def publish(world: World, cluster: SimCluster, name: str, image: str, kubelet: str = "", default: bool = True) -> int:
    """A new version of the template of a self-managed group, with an image: its number. Hold the world's lock.

    A group that names a number goes to the new one; one of $Latest does so by itself, and one of $Default where the
    version becomes the default. The instances that it has stay what they are. kubelet: that of nodes from this image.
    """
    group = cluster.auto_scaling_groups[name]
    shown = next(each for each in groups_of(cluster) if each.name == name)
    id = shown.template["id"]
    (known,) = (each for each in templates_of(world, cluster.account, cluster.region) if each.id == id)
    before, number = launched_version(world, shown.template), known.latest + 1
    world.templates[id] = SimTemplate(default=number if default else known.default, latest=number)
    if shown.template["version"].isdigit():
        group.launch_template = {**shown.template, "version": str(number)}
    if shown.template["version"] != "$Default" or default:
        _keep_what_is_there(group, before, group.ami_id)
        group.ami_id, group.kubelet = image, kubelet
    return number


def _keep_what_is_there(group: SimAutoScalingGroup, version: int, image: str) -> None:
    for instance in group.instances:
        group.versions.setdefault(instance, version)
        group.images.setdefault(instance, image)
