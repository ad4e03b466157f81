"""What a project's configuration says, in both layouts."""

from pathlib import Path
from textwrap import dedent

import pytest

from edgelet.errors import FunctionError, OptionError
from edgelet_host.project import AuthConfig, FunctionConfig, ProjectConfig, find_layout, read_config
from edgelet_host.project.config import LOCAL_JWT_SECRET

SECRET = "a secret that is longer than 32 bytes"

SUPABASES = """
    # For detailed configuration reference documentation, visit: …
    project_id = "shop"

    [api]
    enabled = true
    port = 54321
    schemas = ["public", "graphql_public"]

    [studio]
    openai_api_key = "env(OPENAI_API_KEY)"

    [auth]
    enabled = true
    site_url = "http://127.0.0.1:3000"
    additional_redirect_urls = ["https://127.0.0.1:3000"]
    jwt_expiry = 3600
    minimum_password_length = 6

    [auth.email]
    enable_signup = true

    [auth.external.apple]
    enabled = false
    secret = "env(SUPABASE_AUTH_EXTERNAL_APPLE_SECRET)"

    [edge_runtime]
    enabled = true
    policy = "per_worker"
    inspector_port = 8083
    deno_version = 2

    # [edge_runtime.secrets]
    # secret_key = "env(SECRET_VALUE)"

    [functions.hello]
    enabled = true
    verify_jwt = false
    import_map = "./functions/hello/deno.json"
    # Uncomment to specify a custom file path to the entrypoint.
    entrypoint = "./functions/hello/index.ts"
    # static_files = [ "./functions/hello/*.html" ]
"""


class Project:
    """A project on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, *files: str) -> None:
        for file in files:
            path = self.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def read(self, text: str = "", **environment: str) -> ProjectConfig:
        layout = find_layout(self.root)
        layout.config.write_text(dedent(text), "utf-8")
        return read_config(layout, environment)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One with a function in Python, `hello`."""
    project = Project(tmp_path)
    project.add("functions/hello/main.py")
    return project


def test_without_a_configuration_all_that_is_found_is_served(project: Project) -> None:
    project.add("functions/b/index.ts", "functions/a/index.js", "functions/_shared/index.ts")
    project.add("functions/empty/helper.py", "functions/main.py", "functions/.new-x/main.py")

    config = read_config(find_layout(project.root), {})

    assert list(config.functions) == ["a", "b", "hello"]
    assert config.functions["hello"] == FunctionConfig(
        "hello", project.root / "functions" / "hello" / "main.py"
    )
    assert config.auth == AuthConfig(LOCAL_JWT_SECRET, None)
    assert config.secrets == {}
    assert config.notes == ()


def test_without_a_folder_there_is_no_function(tmp_path: Path) -> None:
    assert read_config(find_layout(tmp_path), {}).functions == {}


def test_a_function_has_a_folder_and_a_language(project: Project) -> None:
    project.add("functions/other/index.tsx")
    functions = project.read().functions

    assert functions["hello"].folder == project.root / "functions" / "hello"
    assert functions["hello"].language == "python"
    assert functions["other"].language == "javascript"
    assert functions["hello"].verify_jwt


def test_every_key_of_a_function_is_read(project: Project) -> None:
    project.add("sources/hello.ts")
    config = project.read("""
        [functions.hello]
        enabled = true
        verify_jwt = false
        entrypoint = "./sources/hello.ts"
        import_map = "./sources/../deno.json"
        static_files = ["./pages/*.html", "logo.svg"]
        allow_hosts = ["api.example.com"]
        allow_models = ["org/name"]
        memory_mb = 512
        timeout_s = 2.5
    """)

    assert config.functions == {
        "hello": FunctionConfig(
            "hello",
            project.root / "sources" / "hello.ts",
            verify_jwt=False,
            import_map=project.root / "deno.json",
            static_files=(project.root / "pages" / "*.html", project.root / "logo.svg"),
            allow_hosts=("api.example.com",),
            allow_models=("org/name",),
            memory_mb=512,
            timeout_s=2.5,
        )
    }
    assert config.notes == ()


def test_a_configuration_as_supabase_writes_it_is_read(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("supabase/functions/hello/index.ts", "supabase/functions/hello/deno.json")
    project.add("supabase/functions/other/index.ts", "supabase/functions/_shared/cors.ts")
    functions = tmp_path / "supabase" / "functions"

    config = project.read(SUPABASES)

    assert config.functions == {
        "hello": FunctionConfig(
            "hello",
            functions / "hello" / "index.ts",
            verify_jwt=False,
            import_map=functions / "hello" / "deno.json",
        ),
        "other": FunctionConfig("other", functions / "other" / "index.ts"),
    }
    assert config.auth == AuthConfig()
    assert config.notes == ()


def test_a_disabled_function_is_not_served_whatever_else_is_said_of_it(project: Project) -> None:
    project.add("functions/hello/index.ts")
    config = project.read("""
        [functions.hello]
        enabled = false
        [functions.gone]
        enabled = false
    """)

    assert config.functions == {}
    assert config.notes == ()


def test_two_entry_files_need_a_decision(project: Project) -> None:
    project.add("functions/hello/index.ts")

    with pytest.raises(FunctionError, match=r"has index\.ts and main\.py; keep one, or name one"):
        project.read()

    config = project.read('[functions.hello]\nentrypoint = "./functions/hello/main.py"')
    assert config.functions["hello"].language == "python"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[functions.gone]", "[functions.gone] is passed over: there is no such function"),
        (
            '[functions.hello]\nentrypoint = "gone.py"',
            "[functions.hello] is passed over: ROOT/gone.py is missing",
        ),
    ],
)
def test_a_function_that_is_not_there_is_passed_over(
    project: Project, text: str, note: str
) -> None:
    config = project.read(text)

    assert config.notes == (f"edgelet.toml: {note.replace('ROOT', str(project.root))}",)
    assert "gone" not in config.functions


def test_a_key_without_meaning_is_noted(project: Project) -> None:
    config = project.read("[functions.hello]\nregion = 'eu'")

    assert config.notes == (
        "edgelet.toml: [functions.hello] has region, which has no meaning here",
    )
    assert "hello" in config.functions


def test_values_may_be_named_in_the_environment(project: Project) -> None:
    config = project.read(
        """
        [functions.hello]
        entrypoint = "env(ENTRY)"
        [auth]
        jwt_secret = "env(JWT_SECRET)"
        jwks_url = "env(JWKS_URL)"
        [edge_runtime.secrets]
        API_KEY = "env(API_KEY)"
        PLAIN = "env (no)"
        MISSING = "env(NOT_SET)"
        EMPTY = ""
        """,
        ENTRY="functions/hello/main.py",
        JWT_SECRET=SECRET,
        JWKS_URL="https://example.com/jwks.json",
        API_KEY="k",
    )

    assert config.auth == AuthConfig(SECRET, "https://example.com/jwks.json")
    assert config.secrets == {"API_KEY": "k", "PLAIN": "env (no)"}
    assert config.notes == (
        "edgelet.toml: [edge_runtime.secrets] MISSING names NOT_SET, which is not set",
    )


def test_secrets_are_in_no_representation(project: Project) -> None:
    config = project.read(f"""
        [auth]
        jwt_secret = "{SECRET}"
        [edge_runtime.secrets]
        API_KEY = "hidden"
    """)

    assert SECRET not in repr(config)
    assert "hidden" not in repr(config)


@pytest.mark.parametrize("environment", [{}, {"JWT_SECRET": ""}])
def test_a_secret_that_is_not_set_is_not_replaced_by_one_that_all_know(
    project: Project, environment: dict[str, str]
) -> None:
    with pytest.raises(OptionError, match=r"jwt_secret is env\(JWT_SECRET\), which is not set"):
        project.read('[auth]\njwt_secret = "env(JWT_SECRET)"', **environment)


def test_a_short_secret_is_refused_and_not_told(project: Project) -> None:
    with pytest.raises(OptionError, match="shorter than 32 bytes") as error:
        project.read('[auth]\njwt_secret = "hunter2"')
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("name", ["1a", "_shared", '"a b"', '"../a"', '"a.b"'])
def test_a_table_needs_the_name_of_a_function(project: Project, name: str) -> None:
    with pytest.raises(OptionError, match="is no name of a function"):
        project.read(f"[functions.{name}]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("functions = 1", "[functions] must be a table"),
        ("[functions]\nhello = 1", "[functions] hello must be a table"),
        ("[functions.hello]\nenabled = 1", "[functions.hello] enabled must be true or false"),
        ("[functions.hello]\nverify_jwt = 'no'", "verify_jwt must be true or false"),
        ("[functions.hello]\nentrypoint = 1", "entrypoint must be text"),
        ("[functions.hello]\nimport_map = []", "import_map must be text"),
        ("[functions.hello]\nstatic_files = 'a'", "static_files must be a list of texts"),
        ("[functions.hello]\nallow_hosts = [1]", "allow_hosts must be a list of texts"),
        ("[functions.hello]\nallow_models = true", "allow_models must be a list of texts"),
        ("[functions.hello]\nmemory_mb = 0", "memory_mb must be a number above 0"),
        ("[functions.hello]\nmemory_mb = 1.5", "memory_mb must be a number above 0"),
        ("[functions.hello]\nmemory_mb = true", "memory_mb must be a number above 0"),
        ("[functions.hello]\ntimeout_s = -1", "timeout_s must be a number above 0"),
        ("[functions.hello]\ntimeout_s = nan", "timeout_s must be a number above 0"),
        ("[functions.hello]\ntimeout_s = inf", "timeout_s must be a number above 0"),
        ("[functions.hello]\ntimeout_s = '1s'", "timeout_s must be a number above 0"),
        ("auth = 1", "[auth] must be a table"),
        ("[auth]\njwt_secret = 1", "[auth] jwt_secret must be text"),
        ("[auth]\njwks_url = 1", "[auth] jwks_url must be text"),
        ("edge_runtime = 1", "[edge_runtime] must be a table"),
        ("[edge_runtime]\nsecrets = 1", "[edge_runtime] secrets must be a table"),
        ("[edge_runtime.secrets]\nA = 1", "[edge_runtime.secrets] A must be text"),
        ("[functions", "cannot be read: "),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(project: Project, text: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        project.read(text)

    assert str(error.value).startswith("edgelet.toml: ") or "cannot be read" in message
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_refused(project: Project) -> None:
    layout = find_layout(project.root)
    layout.config.write_bytes(b"\xff")

    with pytest.raises(OptionError, match=r"^edgelet\.toml cannot be read: "):
        read_config(layout)
