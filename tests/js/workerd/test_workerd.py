from tests.js.workerd.workerd import Worker


def test_a(worker: Worker):
    print(worker.get("/globals").text)
    r = worker.get("/vector", text="Hello world")
    print(r.status_code, r.text[:2000])
    print(worker.get("/globals").text)
    print(worker.call("diagnostics"))
    print(worker.call("tryToEmbed", "all-MiniLM-L6-v2", ["x"]))
    assert r.status_code == 200
