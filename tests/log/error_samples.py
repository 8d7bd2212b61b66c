"""Errors as programs print them, by language: each after a line "%%" is one.

Written from what the languages' runtimes and much used libraries print. ``{n}`` is
filled with numbers, which makes more of each.
"""

from __future__ import annotations

from typing import Final

PYTHON: Final = """\
Task exception was never retrieved
future: <Task finished name='Task-{n}' coro=<work() done, at /app/w.py:4> exception=X>
Traceback (most recent call last):
  File "/app/w.py", line {n}, in work
    raise ValueError("bad")
ValueError: bad
%%
ERROR:asyncio:Exception in callback Loop.poll() at /app/loop.py:{n}
handle: <Handle Loop.poll() at /app/loop.py:{n}>
Traceback (most recent call last):
  File "/usr/lib/python3.11/asyncio/events.py", line 80, in _run
    self._context.run(self._callback, *self._args)
  File "/app/loop.py", line {n}, in poll
    raise OSError("gone")
OSError: gone
%%
Exception ignored in: <function Pool.__del__ at 0x7f{n}>
Traceback (most recent call last):
  File "/app/pool.py", line {n}, in __del__
    self.close()
AttributeError: 'Pool' object has no attribute 'handle'
%%
concurrent.futures.process._RemoteTraceback:
\"\"\"
Traceback (most recent call last):
  File "/usr/lib/python3.11/concurrent/futures/process.py", line 256, in _process_worker
    r = call_item.fn(*call_item.args, **call_item.kwargs)
  File "/app/load.py", line {n}, in load
    return int(row)
ValueError: invalid literal for int() with base 10: 'x{n}'
\"\"\"

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line {n}, in <module>
    main()
ValueError: invalid literal for int() with base 10: 'x{n}'
%%
Process ForkProcess-{n}:
Traceback (most recent call last):
  File "/usr/lib/python3.11/multiprocessing/process.py", line 314, in _bootstrap
    self.run()
  File "/app/feed.py", line {n}, in run
    raise RuntimeError("feed ended")
RuntimeError: feed ended
%%
Traceback (most recent call last):
  File "/app/db.py", line {n}, in query
    cursor.execute(statement)
psycopg2.OperationalError: connection to server at "db" (10.0.0.1), port {n} failed
\tIs the server running on that host and accepting TCP/IP connections?

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line {n}, in main
    rows = query("select 1")
sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server failed
[SQL: select 1]
(Background on this error at: https://sqlalche.me/e/20/e3q8)
%%
Traceback (most recent call last):
  File "/app/walk.py", line {n}, in walk
    return walk(node)
  File "/app/walk.py", line {n}, in walk
    return walk(node)
  [Previous line repeated {n} more times]
RecursionError: maximum recursion depth exceeded while calling a Python object
%%
Traceback (most recent call last):
  File "/app/rows.py", line {n}, in read
    Row.model_validate(fields)
pydantic_core._pydantic_core.ValidationError: 2 validation errors for Row
name
  Field required [type=missing, input_value={{'id': {n}}}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.7/v/missing
price
  Input should be a valid number [type=float_parsing, input_value='x{n}']
%%
Fatal Python error: Segmentation fault

Current thread 0x00007f{n} (most recent call first):
  File "/app/native.py", line {n} in call
  File "/app/main.py", line 3 in <module>

Extension modules: numpy.core._multiarray_umath (total: 1)
%%
Traceback (most recent call last):
  File "/app/main.py", line {n}, in <module>
    time.sleep(60)
KeyboardInterrupt
%%
2026-03-03 10:00:00,123 ERROR app.jobs job {n} failed
Traceback (most recent call last):
  File "/app/jobs.py", line {n}, in run
    self.load()
requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='a', port=443): timed out

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/jobs.py", line {n}, in run
    self.fail()
app.errors.JobFailed: job {n}
%%
--- Logging error ---
Traceback (most recent call last):
  File "/usr/lib/python3.11/logging/__init__.py", line 1110, in emit
    msg = self.format(record)
TypeError: not all arguments converted during string formatting
Call stack:
  File "/app/main.py", line {n}, in <module>
    log.info("rows", {n})
Message: 'rows'
Arguments: ({n},)
%%
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line {n}, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/app/fetch.py", line {n}, in all_of_them
    |     async with TaskGroup() as group:
    | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
    +-+---------------- 1 ----------------
      | Traceback (most recent call last):
      |   File "/app/fetch.py", line {n}, in one
      |     raise TimeoutError
      | TimeoutError
      +---------------- 2 ----------------
      | Traceback (most recent call last):
      |   File "/app/fetch.py", line {n}, in one
      |     raise KeyError("id")
      | KeyError: 'id'
      | while reading row {n}
      +------------------------------------
%%
Traceback (most recent call last):
  File "/app/main.py", line {n}, in <module>
    check(rows)
AssertionError
%%
Traceback (most recent call last):
  File "/app/s3.py", line {n}, in put
    client.put_object(Bucket="b", Key="k")
botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling PutObject
while uploading part {n}
"""

JAVA: Final = """\
Exception in thread "pool-{n}-thread-1" java.util.concurrent.CompletionException: gone
\tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable(Unknown Source)
\tat com.acme.Loader$Task.run(Loader.java:{n})
Caused by: java.lang.IllegalArgumentException: row {n}: bad
amount: "12,50"
\tat com.acme.Row.of(Row.java:{n})
\t... 3 more
%%
2026-03-03 10:00:00.123 ERROR 7 --- [main] o.s.boot.SpringApplication : Run failed

org.springframework.beans.factory.BeanCreationException: Error creating bean 'a{n}'
\tat org.springframework.beans.factory.support.Factory.create(Factory.java:{n})
\tSuppressed: java.io.IOException: closing
\t\tat com.acme.Store.close(Store.java:{n})
\tSuppressed: java.io.IOException: closing again
\t\tat com.acme.Store.close(Store.java:{n})
Caused by: java.net.UnknownHostException: db-{n}
\tat java.base/java.net.InetAddress.getAllByName(InetAddress.java:1548)
\t... 14 common frames omitted
%%
[ERROR] 10:00:00 [worker-{n}] Loader - cannot load
java.lang.ExceptionInInitializerError: null
\tat com.acme.Loader.<clinit>(Loader.java:{n})
Caused by: java.lang.NullPointerException: Cannot invoke "String.length()"
\tat com.acme.Loader.<clinit>(Loader.java:{n})
%%
java.lang.OutOfMemoryError: Java heap space
Dumping heap to /tmp/java_pid{n}.hprof ...
Heap dump file created [{n} bytes in 4.1 secs]
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)
\tat com.acme.Loader.fill(Loader.java:{n})
%%
Exception in thread "main" com.acme.LoadException: {n} rows
\tat com.acme.Main.main(Main.java:{n})
Caused by: com.acme.RowException
\tat com.acme.Row.of(Row.java:{n})
\t... 1 more
\tSuppressed: com.acme.CloseException: twice
\t\tat com.acme.Row.close(Row.java:{n})
\tCaused by: java.io.IOException: pipe
\t\t... 4 more
%%
ERROR com.acme.Sql - statement failed
java.sql.BatchUpdateException: Batch entry {n} insert into a values (1) was aborted:
ERROR: duplicate key value violates unique constraint "a_pkey"
  Detail: Key (id)=({n}) already exists.  Call getNextException to see other errors
\tat org.postgresql.jdbc.BatchResultHandler.handleError(BatchResultHandler.java:165)
\tat com.acme.Sql.run(Sql.java:{n})
%%
#
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x00007f{n}, pid=1, tid=7
#
# JRE version: OpenJDK Runtime Environment (17.0.9+9)
# Problematic frame:
# C  [libzstd.so+0x1f{n}]
#
%%
scala.MatchError: (a,{n}) (of class scala.Tuple2)
\tat com.acme.Job$.$anonfun$main$1(Job.scala:{n})
\tat scala.collection.immutable.List.foreach(List.scala:431)
"""

GO: Final = """\
panic: assignment to entry in nil map

goroutine {n} [running]:
main.(*Index).Put(...)
\t/src/index.go:{n}
main.main()
\t/src/main.go:12 +0x1f
exit status 2
%%
panic: open a.csv: no such file or directory [recovered]
\tpanic: open a.csv: no such file or directory

goroutine 1 [running]:
testing.tRunner.func1.2({{0x5{n}, 0xc000{n}}})
\t/usr/local/go/src/testing/testing.go:1545 +0x238
panic({{0x5{n}?, 0xc000{n}?}})
\t/usr/local/go/src/runtime/panic.go:914 +0x21f
created by testing.(*T).Run in goroutine 1
\t/usr/local/go/src/testing/testing.go:1648 +0x3ad
%%
fatal error: concurrent map writes

goroutine 7 [running]:
main.fill(0xc000{n})
\t/src/fill.go:{n} +0x4c
created by main.main in goroutine 1
\t/src/main.go:{n} +0x85

goroutine 1 [semacquire, {n} minutes]:
sync.runtime_Semacquire(0xc000{n}?)
\t/usr/local/go/src/runtime/sema.go:62 +0x25
sync.(*WaitGroup).Wait(0x0?)
\t/usr/local/go/src/sync/waitgroup.go:116 +0x48
main.main()
\t/src/main.go:{n} +0xd0

goroutine 8 [runnable]:
main.fill(0xc000{n})
\t/src/fill.go:{n} +0x4c
exit status 2
%%
fatal error: unexpected signal during runtime execution
[signal SIGSEGV: segmentation violation code=0x1 addr=0x{n} pc=0x7f{n}]

runtime stack:
runtime.throw({{0x5{n}?, 0x0?}})
\t/usr/local/go/src/runtime/panic.go:1077 +0x5c

goroutine 1 [syscall]:
runtime.cgocall(0x4{n}, 0xc000{n})
\t/usr/local/go/src/runtime/cgocall.go:157 +0x4b
%%
panic: main.Problem{{Code:{n}}} [recovered]

goroutine 34 [running]:
main.handle({{0x7{n}, 0xc000{n}}}, 0x0)
\t/src/handle.go:{n} +0x1d
net/http.(*conn).serve(0xc000{n}, {{0x7{n}, 0xc000{n}}})
\t/usr/local/go/src/net/http/server.go:2009 +0x5f4
%%
runtime: goroutine stack exceeds 1000000000-byte limit
runtime: sp=0xc020{n} stack=[0xc020{n}, 0xc040{n}]
fatal error: stack overflow

runtime stack:
runtime.throw({{0x4{n}?, 0x0?}})
\t/usr/local/go/src/runtime/panic.go:1077 +0x5c

goroutine 1 [running]:
main.walk(...)
\t/src/walk.go:{n}
...additional frames elided...
%%
http: panic serving 10.0.0.1:{n}: runtime error: index out of range [{n}] with length 3
goroutine 52 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1868 +0xb9
main.list({{0x7{n}, 0xc000{n}}}, 0x0)
\t/src/list.go:{n} +0x6e
%%
==================
WARNING: DATA RACE
Write at 0x00c000{n} by goroutine 8:
  main.fill()
      /src/fill.go:{n} +0x44

Previous read at 0x00c000{n} by goroutine 7:
  main.read()
      /src/read.go:{n} +0x3a
==================
"""

NODE: Final = """\
node:internal/process/promises:288
            triggerUncaughtException(err, true /* fromPromise */);
            ^

AggregateError [ECONNREFUSED]:
    at internalConnectMultiple (node:net:1114:18)
    at afterConnectMultiple (node:net:{n}:5) {{
  code: 'ECONNREFUSED',
  [errors]: [
    Error: connect ECONNREFUSED ::1:{n}
        at createConnectionError (node:net:1634:14)
        at afterConnectMultiple (node:net:1664:40) {{
      errno: -111,
      code: 'ECONNREFUSED',
      syscall: 'connect'
    }},
    Error: connect ECONNREFUSED 127.0.0.1:{n}
        at createConnectionError (node:net:1634:14) {{
      errno: -111
    }}
  ]
}}

Node.js v20.11.0
%%
/app/jobs.js:{n}
  throw new JobError(`job ${{id}} failed`, {{ cause }});
        ^

JobError: job {n} failed
    at run (/app/jobs.js:{n}:9)
    at async main (/app/main.js:3:3) {{
  [cause]: Error: ENOENT: no such file or directory, open 'a{n}.csv'
      at async open (node:internal/fs/promises:639:25) {{
    errno: -2,
    code: 'ENOENT'
  }}
}}

Node.js v22.1.0
%%
Uncaught Error: boom {n}
    at Timeout._onTimeout (/app/main.js:{n}:9)
    at listOnTimeout (node:internal/timers:573:17)
%%
[UnhandledPromiseRejection: This error originated inside of an async function] {{
  code: 'ERR_UNHANDLED_REJECTION'
}}
%%
file:///app/main.mjs:{n}
import {{ gone }} from "./b.mjs";
         ^^^^
SyntaxError: The requested module './b.mjs' does not provide an export named 'gone'
    at ModuleJob._instantiate (node:internal/modules/esm/module_job:{n}:21)
%%
RangeError: Maximum call stack size exceeded
    at walk (/app/walk.js:{n}:3)
    at walk (/app/walk.js:{n}:3)
%%
<--- Last few GCs --->

[{n}:0x5]    {n} ms: Mark-sweep 4051.9 (4132.5) -> 4046.6 (4133.5) MB

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
 1: 0xb{n} node::Abort() [node]
 2: 0xa{n}  [node]
%%
ERROR in ./src/index.ts:{n}:7
TS2322: Type 'string' is not assignable to type 'number'.
  > {n} | const n: number = "x";
      |       ^
%%
TypeError [ERR_INVALID_ARG_TYPE]: The "path" argument must be of type string
    at validateString (node:internal/validators:162:11)
    at join (node:path:{n}:7) {{
  code: 'ERR_INVALID_ARG_TYPE'
}}
%%
MongoServerError: E11000 duplicate key error collection: a.b index: _id_ dup key
    at Collection.insertOne (/app/node_modules/mongodb/lib/ops.js:{n}:13) {{
  index: 0,
  code: 11000,
  keyPattern: {{ _id: 1 }}
}}
"""

RUST: Final = """\
thread 'main' panicked at src/main.rs:{n}:5:
index out of bounds: the len is 3 but the index is {n}
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
%%
thread 'tokio-runtime-worker' panicked at /root/.cargo/registry/a-1.0/lib.rs:{n}:9:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0:     0x5{n} - std::backtrace_rs::backtrace::trace::h1f
                               at /rustc/79e9716c/library/std/src/lib.rs:66:5
   1:     0x5{n} - core::panicking::panic_fmt::h2a
                               at /rustc/79e9716c/library/core/src/panicking.rs:72:14
   2:     0x5{n} - <worker::Job as core::future::Future>::poll::h9d
  11:     0x5{n} - start_thread
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
%%
Error: could not start

Caused by:
    0: could not read config-{n}.toml
    1: invalid type: string "x", expected u16
       for key `port`
    2: TOML parse error at line {n}, column 8

Stack backtrace:
   0: anyhow::error::<impl From<E> for anyhow::Error>::from
             at /root/.cargo/registry/src/anyhow-1.0/src/error.rs:551:25
   1: worker::main
             at ./src/main.rs:{n}:17
%%
thread '<unnamed>' panicked at 'assertion failed: `(left == right)`
  left: `{n}`,
 right: `3`', src/lib.rs:{n}:9
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
%%
thread 'main' has overflowed its stack
fatal runtime error: stack overflow
Aborted (core dumped)
%%
error[E0308]: mismatched types
  --> src/main.rs:{n}:18
   |
{n} |     let n: u16 = "x";
   |            ---   ^^^ expected `u16`, found `&str`
   |            |
   |            expected due to this

%%
Error: ParseError {{ line: {n}, kind: BadNumber("1,5") }}
"""

DOTNET: Final = """\
Unhandled exception. System.InvalidOperationException: order {n} is closed
   at Acme.Orders.Close(Int32 id) in /src/Orders.cs:line {n}
   at Acme.Program.<Main>$(String[] args) in /src/Program.cs:line 9
%%
Unhandled exception. System.AggregateException: One or more errors occurred. (a) (b{n})
 ---> System.TimeoutException: a
   at Acme.Orders.<>c.<Fetch>b__0_0() in /src/Orders.cs:line {n}
   --- End of inner exception stack trace ---
   at System.Threading.Tasks.Task.WaitAll(Task[] tasks)
   at Acme.Program.Main() in /src/Program.cs:line {n}
 ---> (Inner Exception #1) System.IO.IOException: b{n}
   at Acme.Orders.<>c.<Fetch>b__0_1() in /src/Orders.cs:line {n}<---

%%
System.NullReferenceException: Object reference not set to an instance of an object.
   at Acme.Rows.Read(String path) in /src/Rows.cs:line {n}
--- End of stack trace from previous location ---
   at Acme.Rows.ReadAll() in /src/Rows.cs:line {n}
%%
fail: Microsoft.EntityFrameworkCore.Database.Command[20102]
      Failed executing DbCommand ({n}ms) [Parameters=[], CommandTimeout='30']
      SELECT 1
%%
fail: Microsoft.EntityFrameworkCore.Query[10100]
      An exception occurred while iterating over the results of a query.
      Npgsql.PostgresException (0x80004005): 42P01: relation "a" does not exist
         at Npgsql.Internal.NpgsqlConnector.ReadMessage(Boolean async)
        Exception data:
          Severity: ERROR
          SqlState: 42P01
%%
crit: Microsoft.AspNetCore.Hosting.Diagnostics[6]
      Application startup exception
      System.Net.Sockets.SocketException (98): Address already in use
         at System.Net.Sockets.Socket.Bind(EndPoint localEP)
%%
Process terminated. Assertion failed.
row {n} has no key
   at System.Diagnostics.DebugProvider.Fail(String message)
   at Acme.Rows.Check(Int32 n) in /src/Rows.cs:line {n}
%%
[10:00:00 ERR] job {n} failed
System.FormatException: The input string '1,5' was not in a correct format.
   at System.Number.ThrowFormatException[TChar](ReadOnlySpan`1 value)
   at Acme.Jobs.Run() in /src/Jobs.cs:line {n}
"""

RUBY: Final = """\
/app/load.rb:{n}:in `open': No such file or directory @ rb_sysopen - a (Errno::ENOENT)
\tfrom /app/load.rb:{n}:in `block in each'
\tfrom /app/load.rb:1:in `<main>'
%%
/app/load.rb:{n}:in 'Integer': invalid value for Integer(): "x" (ArgumentError)

    Integer(text)
            ^^^^
\tfrom /app/load.rb:{n}:in 'Object#parse'
\tfrom /app/load.rb:9:in '<main>'
%%
#<Thread:0x00007f{n} /app/pool.rb:{n} run> terminated with exception:
/app/pool.rb:{n}:in `block in start': closed (IOError)
%%
E, [2026-03-03T10:00:00.123456 #{n}] ERROR -- : job failed
undefined method `name' for nil:NilClass (NoMethodError)
/app/job.rb:{n}:in `run'
/app/job.rb:20:in `<main>'
%%
rake aborted!
ActiveRecord::ConnectionNotEstablished: connection to server at "10.0.0.1" failed
/app/lib/tasks/load.rake:{n}:in `block (2 levels) in <top (required)>'

Caused by:
PG::ConnectionBad: connection to server at "10.0.0.1", port {n} failed
/app/lib/tasks/load.rake:{n}:in `block (2 levels) in <top (required)>'
Tasks: TOP => load
(See full trace by running task with --trace)
"""

PHP: Final = """\
PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] refused in /app/a.php:{n}
Stack trace:
#0 /app/a.php({n}): PDO->__construct()
#1 /app/main.php(3): connect()
#2 {{main}}

Next App\\Error: cannot connect in /app/a.php:{n}
Stack trace:
#0 /app/main.php(3): connect()
#1 {{main}}
  thrown in /app/a.php on line {n}
%%
Fatal error: Uncaught Error: Call to undefined function gone() in /app/main.php:{n}
Stack trace:
#0 {{main}}
  thrown in /app/main.php on line {n}
%%
PHP Fatal error:  Allowed memory size of {n} bytes exhausted in /app/a.php on line {n}
%%
PHP Parse error:  syntax error, unexpected token ";" in /app/main.php on line {n}
%%
[2026-03-03 10:00:00] production.ERROR: no driver {{"exception":"[object] (Error(code:
[stacktrace]
#0 /app/vendor/laravel/framework/src/Db.php({n}): connect()
#1 /app/artisan({n}): handle()
#2 {{main}}
"}}
%%

In Connection.php line {n}:

  SQLSTATE[42S02]: Base table or view not found: 1146 Table 'a.b' doesn't exist

In PDOConnection.php line {n}:

  SQLSTATE[42S02]: Base table or view not found

"""

SAMPLES: Final = {
    "python": PYTHON,
    "java": JAVA,
    "go": GO,
    "node": NODE,
    "rust": RUST,
    ".net": DOTNET,
    "ruby": RUBY,
    "php": PHP,
}
LEAST: Final = 30
"""Errors of each language, made of its samples by other numbers."""


def errors_of(language: str) -> list[list[str]]:
    """Return errors of a language, each as its lines."""
    samples = SAMPLES[language].split("%%\n")
    times = -(-LEAST // len(samples))
    return [
        sample.format(n=7 * 13**time + at).rstrip("\n").split("\n")
        for time in range(times)
        for at, sample in enumerate(samples)
    ]
