#!/usr/bin/python3
"""The steps of tests/interop/docker, and each difference from docker with its reason; dockerwords.py runs them."""

import json
import tarfile

import dockerwords
from dockerwords import DOCKER, Each, IMAGEFS, WORK, change, container, group, inputs, report, step

# Differences that several steps have.
LATEST = dict(why="docker adds :latest to a name in some verbs' errors and not in others'; here it stands as it was typed",
              rules=[(r"(No such image: nothing):latest", r"\1")])
RENAME = dict(why="docker's second line says the same once more", rules=[(r"^failed to rename container .*\n?", ""), (r"name \(/_x\)", "name (_x)")])
RM = dict(why="docker wants -f for what runs; a container here has no process to stop")


def images():
    group("load, and lists of images")
    step("load", "load", "-i", WORK + "/base.tar")
    step("load from stdin", "load", stdin=WORK + "/base.tar")
    step("load -q", "load", "-q", "-i", WORK + "/base.tar")
    step("load a missing file", "load", "-i", WORK + "/none.tar", why="the words of Go, and of libc",
         rules=[(r"open (\S+): no such", r"\1: No such")])
    step("load what is no archive", "load", "-i", WORK + "/noise", err=False,
         why="docker's words are those of its tar reader, on the file that it looks for")
    step("images", "images", sort=True)
    step("images -q", "images", "-q", sort=True)
    step("images --no-trunc", "images", "--no-trunc", sort=True)
    step("images -q --no-trunc", "images", "-q", "--no-trunc", sort=True)
    step("images --digests", "images", "--digests", sort=True)
    step("images REPOSITORY", "images", "base")
    step("images REPOSITORY:TAG", "images", "team/side:1")
    step("images PATTERN", "images", "team/*")
    step("images of nothing", "images", "nothing")
    step("images of a part of a name", "images", "side")
    step("images two arguments", "images", "a", "b", usage=True)
    step("images --format fields", "images", "--format",
         "{{.Repository}}|{{.Tag}}|{{.ID}}|{{.Digest}}|{{.CreatedSince}}|{{.CreatedAt}}|{{.Size}}", "base")
    step("images --format table", "images", "--format", r"table {{.Repository}}\t{{.Size}}", "base")
    step("images --format table with text", "images", "--format", "table {{.ID}} is {{.Repository}}", "base")
    step("images --format with tabs", "images", "--format", r"{{.Repository}}\t{{.Tag}}\n", "base")
    step("images --format functions", "images", "--format",
         '{{upper .Repository}} {{lower .Tag}} {{len .Tag}} {{join (split .Repository "s") "+"}} {{json .Tag}} {{println .ID}}', "base",
         why="a row stays one line, whatever a value holds", ours=[(r"\\x0a$", "\n")])
    step("images --format json .", "images", "--format", "{{json .}}", "base", view=lambda t: json_lines(t))
    step("images --format if", "images", "--format",
         '{{if .Digest}}yes{{else}}no{{end}} {{.Repository}}', sort=True)
    step("images --format of no field", "images", "--format", "{{.Nothing}}", err=False, rc=1,
         why="docker prints the reason after rows begun, and 64")
    step("images --format not closed", "images", "--format", "{{.ID", rc=1)
    step("images -f reference", "images", "-f", "reference=base")
    step("images -f reference pattern", "images", "-f", "reference=*/side")
    step("images -f reference tag", "images", "-f", "reference=b*:1", "--format", "{{.Repository}}")
    step("images -f label", "images", "-f", "label=origin", "--format", "{{.Repository}}")
    step("images -f label=value", "images", "-f", "label=kind=side", "--format", "{{.Repository}}")
    step("images -f two labels", "images", "-f", "label=kind=base", "-f", "label=origin=test", "--format", "{{.Repository}}")
    step("images -f label of nobody", "images", "-f", "label=nobody")
    step("images -f dangling=true", "images", "-f", "dangling=true")
    step("images -f dangling=false", "images", "-f", "dangling=false", "--format", "{{.Repository}}", sort=True)
    step("images -f dangling=perhaps", "images", "-f", "dangling=perhaps")
    step("images -f unknown", "images", "-f", "colour=red")
    step("images -f without =", "images", "-f", "dangling", err=False, rc=2)
    step("images -f before of nothing", "images", "-f", "before=nothing", **LATEST)
    step("images -f since of nothing", "images", "-f", "since=nothing:1")


def json_lines(text):
    """JSON, one object a line, as lines that can be compared."""
    out = []
    for line in text.splitlines():
        out += ["%s: %s" % (k, v) for k, v in sorted(json.loads(line).items())]
    return "\n".join(out)


def tags():
    group("tag")
    step("tag", "tag", "base:1", "app:1")
    step("tag again", "tag", "base:1", "app:1")
    step("tag by ID", "tag", dockerwords.BASE[:12], "app:2")
    step("tag by whole ID", "tag", "sha256:" + dockerwords.BASE, "localhost:5000/team/app")
    step("tag in one repository more", "tag", "team/side:1", "side:latest")
    step("tag nothing", "tag", "nothing:1", "x:1")
    step("tag nothing without a tag", "tag", "nothing", "x:1", **LATEST)
    step("tag upper case", "tag", "base:1", "App:1", err=False,
         why="docker names the reference as an argument of its command line")
    step("tag a bad tag", "tag", "base:1", "app:-1", why="docker quotes its argument",
         rules=[(r'"(\S+)" is not a valid repository/tag', r"\1")])
    step("tag an ID as a name", "tag", "base:1", dockerwords.BASE, err=False)
    step("tag onto a digest", "tag", "base:1", "app@sha256:" + dockerwords.BASE)
    step("tag one argument", "tag", "base:1", usage=True)
    step("images of many names", "images", sort=True)
    step("images of a registry", "images", "localhost:5000/team/app")
    step("images of a repository", "images", "app", "--format", "{{.Tag}}", sort=True)
    step("inspect RepoTags", "inspect", "-f", "{{json .RepoTags}}", "base:1", view=lambda t: sorted_list(t))
    step("tag moves a name", "tag", "team/side:1", "app:2")
    step("inspect a moved name", "inspect", "-f", "{{.Id}}", "app:2")


def sorted_list(text):
    return "\n".join(sorted(json.loads(text)))


def rmi_names():
    group("rmi of names")
    step("rmi one of several names", "rmi", "app:1")
    step("rmi nothing", "rmi", "nothing:1")
    step("rmi nothing by ID", "rmi", "0123456789ab")
    step("rmi two, one of them missing", "rmi", "app:2", "nothing")
    step("rmi by ID in several repositories", "rmi", dockerwords.BASE[:12])
    step("rmi no argument", "rmi", usage=True)
    step("rmi with a name that is none", "rmi", "Nothing", err=False)
    step("rmi of a registry's name", "rmi", "localhost:5000/team/app")
    step("rmi an unused image", "rmi", "side", "team/side:1")
    step("images after rmi", "images", sort=True)
    step("load again", "load", "-i", WORK + "/base.tar")
    step("tag twice in one repository", "tag", "team/side:1", "team/side:2")
    step("rmi by ID, one repository", "rmi", dockerwords.SIDE[:10])
    step("load again", "load", "-i", WORK + "/base.tar")
    step("tag in another repository", "tag", "team/side:1", "other:1")
    step("rmi -f by ID, several repositories", "rmi", "-f", dockerwords.SIDE, sort=True)
    step("load again", "load", "-i", WORK + "/base.tar")


def containers():
    group("containers")
    container("w1", "base:1")
    step("create a name that is taken", "create", "--name", "w1", "base:1")
    step("create a bad name", "create", "--name", "-c", "base:1")
    step("create without an image", "create", usage=True)
    step("ps names and images", "ps", "--format", "{{.Names}} {{.Image}}")
    step("ps -q", "ps", "-q")
    step("ps -a -q", "ps", "-a", "-q")
    step("ps -f name", "ps", "-f", "name=w1", "--format", "{{.Names}}")
    step("ps -f name of nobody", "ps", "-f", "name=zz", "--format", "{{.Names}}")
    step("ps -f ancestor", "ps", "-f", "ancestor=base:1", "--format", "{{.Names}}")
    step("ps -f ancestor of nobody", "ps", "-f", "ancestor=team/side:1", "--format", "{{.Names}}")
    step("ps -f unknown", "ps", "-f", "colour=red")
    step("diff of nothing", "diff", "w1")
    change("w1", "write", "etc/motd", "changed")
    change("w1", "write", "dir/new", "new")
    change("w1", "rm", "dir/a")
    change("w1", "mkdir", "made")
    change("w1", "write", "made/file", "file")
    change("w1", "ln", "made/file", "dir/link")
    change("w1", "chmod", "600", "srv/x")
    step("diff", "diff", "w1", sort=True)
    change("w1", "rm", "dir/sub/deep")
    change("w1", "rmdir", "dir/sub")
    change("w1", "mkdir", "dir/sub")
    change("w1", "write", "dir/sub/other", "other")
    step("diff with a replaced directory", "diff", "w1", sort=True)
    step("diff of no container", "diff", "nobody", err=False)
    step("diff no argument", "diff", usage=True)
    step("rename", "rename", "w1", "x1")
    DOCKER.containers = {k: "x1" for k in DOCKER.containers}
    step("rename of nobody", "rename", "w1", "y1", **RENAME)
    step("rename to a bad name", "rename", "x1", "_x", **RENAME)
    step("ps after rename", "ps", "--format", "{{.Names}}")
    step("rename back", "rename", "x1", "w1")
    DOCKER.containers = {k: "w1" for k in DOCKER.containers}
    container("w2", "team/side:1")
    step("rename to a name that is taken", "rename", "w2", "w1", **RENAME)
    step("inspect a container", "inspect", "-f", "{{.Name}} {{.Image}} {{.Config.Image}}", "w1")
    step("inspect --type of a wrong type", "inspect", "--type", "image", "w1")
    step("inspect a container's Config", "inspect", "-f", "{{json .Config.Env}} {{.Config.WorkingDir}} {{.Config.Labels}}", "w1")
    step("tag latest", "tag", "base:1", "tool")
    for number, image in enumerate(["tool", "docker.io/library/tool:latest", dockerwords.BASE[:7], "sha256:" + dockerwords.BASE]):
        container("typed%d" % number, image)
    step("ps shows images as they were typed", "ps", "--format", "{{.Names}} {{.Image}}")
    step("ps --no-trunc of them", "ps", "--no-trunc", "--format", "{{.Names}} {{.Image}}")
    step("inspect what was typed", "inspect", "-f", "{{.Config.Image}}", "typed0", "typed1", "typed2")
    step("rm them", docker=["rm", "-f", "typed0", "typed1", "typed2", "typed3"], imagefs=["rm", "typed0", "typed1", "typed2", "typed3"])
    step("rmi tool", "rmi", "tool")


def commits():
    group("commit")
    step("commit", "commit", "-a", "Me <me@here>", "-m", "what I did", "-c", "ENV B=2", "-c", "LABEL step=one",
         "-c", 'CMD ["/bin/tool", "/", "pause"]', "w1", "app:c1")
    step("history of a commit", "history", "--format", "{{.ID}}|{{.Comment}}|{{.Size}}", "app:c1")
    step("inspect Author and Comment", "inspect", "-f", "{{.Author}}|{{.Comment}}|{{.Os}}/{{.Architecture}}", "app:c1")
    step("inspect Config", "inspect", "-f",
         "{{.Config.Env}} {{.Config.Cmd}} {{.Config.Labels}} {{.Config.WorkingDir}} {{.Config.ExposedPorts}}", "app:c1")
    step("inspect with range", "inspect", "-f",
         "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}{{range .Config.Env}}[{{.}}]{{end}}", "app:c1")
    step("inspect with index", "inspect", "-f", '{{index .Config.Labels "step"}} {{index .Config.Cmd 0}}', "app:c1")
    step("inspect with if and len", "inspect", "-f",
         "{{if .Config.Entrypoint}}e{{else}}none{{end}} {{len .RootFS.Layers}} {{len .Config.Env}}", "app:c1")
    step("inspect two", "inspect", "-f", "{{.Id}}", "app:c1", "base:1")
    step("inspect one of two", "inspect", "-f", "{{.Id}}", "base:1", "nothing")
    step("inspect nothing", "inspect", "nothing")
    step("inspect no argument", "inspect", usage=True)
    step("inspect a field that is none", "inspect", "-f", "{{.Nothing.At.All}}", "base:1", err=False, rc=1,
         why="docker ends the line that it has not begun", rules=[(r"^\n$", "")])
    step("inspect a template that is none", "inspect", "-f", "{{.Id", "base:1", rc=1, why="docker exits with 64")
    step("inspect Parent of a commit", "inspect", "-f", "{{.Parent}}", "app:c1")
    step("commit without a name", "commit", "w1")
    step("images -f dangling=true", "images", "-f", "dangling=true")
    step("images -q -f dangling=true", "images", "-q", "-f", "dangling=true", "--no-trunc")
    step("commit onto a name", "commit", "-m", "second", "w1", "app:c1")
    step("images with <none>", "images", sort=True)
    step("images -a", "images", "-a", sort=True)
    step("images -f since", "images", "-f", "since=base:1", "--format", "{{.Repository}}:{{.Tag}}", sort=True)
    step("images -f before", "images", "-f", "before=app:c1", "--format", "{{.Repository}}:{{.Tag}}", sort=True)
    step("commit of nobody", "commit", "nobody", "x:1")
    step("commit onto a bad name", "commit", "w1", "X:1", err=False)
    step("commit a bad instruction", "commit", "-c", "RUN x", "w1", "x:1")
    step("commit no argument", "commit", usage=True)


def rmi_used():
    group("rmi of what containers use, and of parents")
    step("rmi the only name of a used image", "rmi", "base:1")
    step("rmi a used image by ID", "rmi", dockerwords.BASE[:12])
    step("rmi -f a used image by ID", "rmi", "-f", dockerwords.BASE[:12])
    step("rmi -f the only name of a used image", "rmi", "-f", "team/side:1")
    step("images of an untagged used image", "images", sort=True)
    step("ps of an untagged image", "ps", "--format", "{{.Names}} {{.Image}}", sort=True)
    step("images -f dangling=true, untagged", "images", "-f", "dangling=true", sort=True)
    prune("prune leaves what is used", "-f")
    step("images after prune", "images", sort=True)
    step("rm of nobody", "rm", "nobody")
    step("rm", docker=["rm", "-f", "w2"], imagefs=["rm", "w2"], **RM)
    prune("prune of what was used", "-f")
    prune("prune of nothing", "-f")
    container("kid", "app:c1")
    change("kid", "write", "kid", "kid")
    step("commit a child", "commit", "kid", "kid:1")
    step("rm the child's container", docker=["rm", "-f", "kid"], imagefs=["rm", "kid"], **RM)
    step("history of a child", "history", "-q", "--no-trunc", "kid:1")
    step("rmi a parent by ID", "rmi", short("app:c1"))
    step("rmi a parent by name", "rmi", "app:c1")
    step("images hides a parent", "images", sort=True)
    step("images -a shows it", "images", "-a", sort=True)
    step("images -f dangling=true without it", "images", "-f", "dangling=true")
    prune("prune without it", "-f")
    step("rmi the child takes the parent", "rmi", "kid:1")
    step("images at last", "images", "-a", sort=True)
    step("commit a parent", "commit", "w1", "par:1")
    container("kid", "par:1")
    change("kid", "write", "kid", "kid")
    step("commit a child", "commit", "kid", "kid:2")
    step("rm the child's container", docker=["rm", "-f", "kid"], imagefs=["rm", "kid"], **RM)
    step("untag the parent", "rmi", "par:1")
    step("rmi --no-prune the child", "rmi", "--no-prune", "kid:2")
    step("the parent is dangling", "images", "-a", sort=True)
    prune("prune takes it", "-f")


def short(name):
    """A name's ID, each side's own."""
    return Each(lambda side: side.run(["inspect", "-f", "{{.Id}}", name])[1].strip()[7:19])


# Whom docker's prune takes first is chance. What it frees is another number: docker counts unpacked files, here it is blobs and indexes on the disk.
FREED = [(r"(Total reclaimed space:) [1-9].*", r"\1 SOME"), (r"(Total reclaimed space:) 0B", r"\1 SOME")]


def prune(name, *argv, **more):
    step(name, docker=["image", "prune", *argv], imagefs=["prune", *argv], rules=FREED, ours=FREED, sort=True,
         why="docker counts unpacked layers that went, here blobs and indexes on the disk, configurations too", **more)


def prunes():
    group("prune")
    step("commit one with a label", "commit", "-c", "LABEL keep=yes", "w1", "keep:1")
    step("commit one without", "commit", "-m", "none", "w1", "drop:1")
    step("untag both by others", "tag", "base:1", "keep:1")
    step("untag both by others", "tag", "base:1", "drop:1")
    prune("prune until long ago", "-f", "--filter", "until=24h")
    prune("prune label!=", "-f", "--filter", "label!=keep")
    prune("prune label", "-f", "--filter", "label=keep=yes")
    prune("prune with a filter that is none", "-f", "--filter", "colour=red")
    prune("prune until nonsense", "-f", "--filter", "until=soon", err=False)
    # docker takes names from an image that a container uses until one is left; here it keeps them all.
    for name in "base:1", "drop:1":
        DOCKER.run(["rmi", name])
        IMAGEFS.run(["rmi", name])
    prune("prune -a", "-a", "-f")
    step("images after prune -a", "images", sort=True)


def histories():
    group("history")
    step("load again", "load", "-i", WORK + "/base.tar")
    step("history", "history", "base:1")
    step("history --no-trunc", "history", "--no-trunc", "base:1")
    step("history -q", "history", "-q", "base:1")
    step("history --format", "history", "--format", "{{.ID}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}}|{{.CreatedAt}}", "base:1")
    step("history -H=false", "history", "-H=false", "base:1")
    step("history of nothing", "history", "nothing", **LATEST)
    step("history by ID", "history", "-q", dockerwords.SIDE[:12])
    step("history no argument", "history", usage=True)


def imports():
    group("import and export")
    step("import", "import", WORK + "/plain.tar", "plain:1")
    step("import from stdin", "import", "-", "plain:2", stdin=WORK + "/plain.tar")
    step("import gzip", "import", WORK + "/plain.tar.gz", "plain:3")
    step("import with changes", "import", "-c", 'CMD ["/bin/tool", "/", "pause"]', "-c", "ENV A=b", "-m", "brought in",
         WORK + "/plain.tar", "plain:4")
    step("import without a name", "import", WORK + "/plain.tar")
    step("import a missing file", "import", WORK + "/none.tar", "x:1", err=False)
    step("import onto a bad name", "import", WORK + "/plain.tar", "X:1", err=False)
    step("import no argument", "import", usage=True)
    step("images after import", "images", "plain", sort=True)
    step("history of an import", "history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}|{{.Size}}", "plain:4")
    step("inspect an import", "inspect", "-f", "{{json .Config.Cmd}} {{json .Config.Env}} {{.Comment}} {{.RootFS.Layers}}", "plain:4")
    step("equal layers of imports", "inspect", "-f", "{{.RootFS.Layers}}", "plain:1", "plain:3")
    step("export", "export", "-o", WORK + "/NAME.export", "w1", docker=["export", "-o", WORK + "/docker.export", "w1"],
         imagefs=["export", "-o", WORK + "/imagefs.export", "w1"])
    exported()
    step("export of nobody", "export", "-o", WORK + "/x.export", "nobody", err=False,
         why="there is no such container, and here no such image either")
    step("import an export", docker=["import", WORK + "/docker.export", "again:1"],
         imagefs=["import", WORK + "/imagefs.export", "again:1"])


def exported():
    """The two archives hold the same, apart from what docker mounts into every container."""
    made = ("dev", "proc", "sys", ".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab")
    lists = []
    for name in "docker", "imagefs":
        try:
            with tarfile.open("%s/%s.export" % (WORK, name)) as t:
                lists.append(sorted(
                    "%s %s %o %d %s %s" % (m.name.rstrip("/").removeprefix("./"), m.type, m.mode & 0o7777, m.size, m.linkname,
                                           t.extractfile(m).read()[:100] if m.isreg() else "") for m in t
                    if m.name.strip("./") and not m.name.removeprefix("./").rstrip("/").startswith(made)))
        except (OSError, tarfile.TarError) as e:
            lists.append([str(e)])
    ok = lists[0] == lists[1] and len(lists[0]) > 10
    report(ok, "what is in an export", "docker's has what it mounts into each container: " + ", ".join(made),
           "\n".join(sorted(set(lists[0]) ^ set(lists[1]))))


def saves():
    group("save and load")
    step("commit", "commit", "-m", "to travel", "w1", "app:s")
    step("save", docker=["save", "-o", WORK + "/docker.saved", "base:1", "app:s"],
         imagefs=["save", "-o", WORK + "/imagefs.saved", "base:1", "app:s"])
    step("save nothing", "save", "-o", WORK + "/x.saved", "nothing")
    step("save no argument", "save", usage=True)
    step("rmi before load", "rmi", "app:s")
    step("each loads what the other saved", docker=["load", "-i", WORK + "/imagefs.saved"],
         imagefs=["load", "-i", WORK + "/docker.saved"], sort=True)
    step("load an existing name", "load", "-i", WORK + "/again.tar")
    step("images with a renamed one", "images", "base")
    step("inspect the renamed one", "inspect", "-f", "{{.RepoTags}} {{.Id}}", dockerwords.BASE)
    step("load without a name", "load", "-q", "-i", WORK + "/again.tar")


# Keys of inspect that are docker's alone, and why.
ONLY_DOCKER = {
    "GraphDriver": "nothing is unpacked here",
    "Container": "the container that docker committed, which is gone when it is looked at",
    "ContainerConfig": "that container's configuration",
    "DockerVersion": "no docker made it",
    "VirtualSize": "Size once more",
    "Metadata": "here a load is a naming, too; the time of it differs in any case",
}


def keys():
    group("keys of inspect")
    for name in "base:1", "app:k":
        if name == "app:k":
            step("commit", "commit", "-m", "keys", "-c", "HEALTHCHECK CMD x", "-c", "VOLUME /v", "-c", "USER u",
                 "-c", "ONBUILD RUN x", "-c", "EXPOSE 1/udp", "w1", "app:k")
        docker, ours = ((json.loads(s.run(["inspect", "--type", "image", name])[1] or "[]") or [{}])[0] for s in (DOCKER, IMAGEFS))
        for key in sorted(set(docker) | set(ours)):
            if key in ONLY_DOCKER:
                report(True, "inspect %s: %s" % (name, key), ONLY_DOCKER[key])
                continue
            a, b = docker.get(key, "no such key"), ours.get(key, "no such key")
            if key == "Config" and isinstance(a, dict) and isinstance(b, dict):
                # What a container was, docker leaves in an image's Config.
                only = {"Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin",
                        "StdinOnce", "Image", "ArgsEscaped"}
                a = {k: v for k, v in a.items() if v and k not in only}
                b = {k: v for k, v in b.items() if v and k not in only}
            if isinstance(a, list):
                a, b = sorted(map(str, a)), sorted(map(str, b or []))
            a, b = (s.neutral(json.dumps(x, sort_keys=True)) for s, x in ((DOCKER, a), (IMAGEFS, b)))
            report(a == b, "inspect %s: %s" % (name, key), "", "docker:  %s\nimagefs: %s" % (a, b))


def main():
    print("TAP version 13")
    inputs()
    for part in images, tags, rmi_names, containers, commits, rmi_used, prunes, histories, imports, saves, keys:
        part()
    print("1..%d" % dockerwords.count)
    return 1 if dockerwords.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
