"""The Kubernetes workloads of an EKS addon: their images follow its version, and they go away with it."""

from fleetkeeper.sim.objects.software import installed
from fleetkeeper.sim.scenario import WorkloadSpec
from fleetkeeper.sim.world import Object, SimAddon, SimCluster


def _resource(workload: WorkloadSpec) -> str:
    group = "batch" if workload.kind in {"CronJob", "Job"} else "apps"
    return f"{group}/{workload.kind.lower()}s"


def put_images(cluster: SimCluster, addon: SimAddon) -> None:
    """Give the templates of its workloads the images of the addon's version; one that is not there stays away."""
    for workload in installed(addon.name, addon.version, cluster.region):
        resource = _resource(workload)
        found = cluster.objects.get(resource, {}).get((workload.namespace, workload.name))
        if found is not None and "template" in found["spec"]:
            cluster.put(resource, _with_images(found, workload.images))


def _with_images(obj: Object, images: tuple[str, ...]) -> Object:
    template = obj["spec"]["template"]
    containers = [
        {**container, "image": image} for container, image in zip(template["spec"]["containers"], images, strict=False)
    ]
    containers += template["spec"]["containers"][len(containers) :]
    pod = {**template["spec"], "containers": containers}
    return {**obj, "spec": {**obj["spec"], "template": {**template, "spec": pod}}}


def remove_objects(cluster: SimCluster, addon: SimAddon) -> None:
    for workload in installed(addon.name, addon.version, cluster.region):
        if (workload.namespace, workload.name) in cluster.objects.get(_resource(workload), {}):
            cluster.remove(_resource(workload), workload.namespace, workload.name)
