"""Small controllers that act as Argo CD and Flux do: they read their objects, change the workload, and tell how far."""

from typing import Any

from fleetkeeper.core.gitops import APPLICATION, HELM_RELEASE, RESOURCES
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.objects.gitops import released, synced

Object = dict[str, Any]
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class Deployer:
    """Of one kind, in one namespace of a real API server. A chart is a Deployment with its version as the tag."""

    def __init__(self, plane: ControlPlane, kind: str, namespace: str) -> None:
        group, version, plural = RESOURCES[kind]
        self._plane, self._kind, self._namespace = plane, kind, namespace
        self._path = f"/apis/{group}/{version}/namespaces/{namespace}/{plural}"

    def compare(self) -> None:
        """What Argo CD does first: it says that what runs is not what is asked for."""
        for each in self._objects():
            deployment = self._deployment(each)
            at = self._image(deployment).rpartition(":")[2] if deployment else ""
            sync = "Synced" if at == self._asked(each) else "OutOfSync"
            self._say(each, synced(self._asked(each), "Healthy" if deployment else "Missing", sync))

    def deploy(self) -> None:
        """Bring every object's workload to the version that it asks for, by server-side apply."""
        for each in self._objects():
            name, image = self._name(each), f"registry.example/{self._chart(each)}:{self._asked(each)}"
            labels = {"app": name, "helm.sh/chart": f"{self._chart(each)}-{self._asked(each)}"}
            template = {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            }
            body = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": self._namespace, "labels": labels},
                "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
            }
            path = f"{self._deployments()}/{name}?fieldManager={self._kind}&force=true"
            answer = self._plane.request("PATCH", path, body, content_type=_APPLY)
            assert answer.ok, answer
            self.tell()

    def tell(self) -> None:
        """Say how far each workload is, as its controllers have it."""
        for each in self._objects():
            deployment = self._deployment(each) or {}
            version = self._image(deployment).rpartition(":")[2]
            rolled = self._is_rolled_out(deployment)
            if self._kind == APPLICATION:
                self._say(each, synced(version, "Healthy" if rolled else "Progressing"))
            else:
                generation = each["metadata"]["generation"]
                message = "" if rolled else "the Deployment is not ready yet"
                self._say(each, released(self._chart(each), version, generation, rolled, message))

    def image(self, name: str) -> str:
        """The image of a workload's template as it is now."""
        answer = self._plane.request("GET", f"{self._deployments()}/{name}")
        return self._image(answer.json()) if answer.ok else ""

    def is_rolled_out(self, name: str) -> bool:
        answer = self._plane.request("GET", f"{self._deployments()}/{name}")
        return answer.ok and self._is_rolled_out(answer.json())

    def _objects(self) -> list[Object]:
        found: list[Object] = self._plane.request("GET", self._path).json()["items"]
        return found

    def _say(self, each: Object, status: Object) -> None:
        """Argo CD writes its status into the object itself, Flux into the subresource."""
        inner = "/status" if self._kind == HELM_RELEASE else ""
        path = f"{self._path}/{each['metadata']['name']}{inner}"
        answer = self._plane.request("PATCH", path, {"status": status}, content_type=_MERGE)
        assert answer.ok, answer

    def _deployments(self) -> str:
        return f"/apis/apps/v1/namespaces/{self._namespace}/deployments"

    def _deployment(self, each: Object) -> Object | None:
        answer = self._plane.request("GET", f"{self._deployments()}/{self._name(each)}")
        return answer.json() if answer.ok else None

    def _name(self, each: Object) -> str:
        return str(each["metadata"]["name"])

    def _source(self, each: Object) -> Object:
        source: Object = each["spec"]["source"] if self._kind == APPLICATION else each["spec"]["chart"]["spec"]
        return source

    def _chart(self, each: Object) -> str:
        return str(self._source(each)["chart"])

    def _asked(self, each: Object) -> str:
        return str(self._source(each)["targetRevision" if self._kind == APPLICATION else "version"])

    def _image(self, deployment: Object) -> str:
        containers = deployment.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or [{}]
        return str(containers[0].get("image", ""))

    def _is_rolled_out(self, deployment: Object) -> bool:
        status, generation = deployment.get("status") or {}, deployment.get("metadata", {}).get("generation")
        seen = status.get("observedGeneration") == generation
        return seen and (status.get("updatedReplicas"), status.get("availableReplicas"), status.get("replicas")) == (
            1,
            1,
            1,
        )
