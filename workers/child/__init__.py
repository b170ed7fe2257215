"""The warm child: the disposable process in which hostile bytes are parsed and networks run, and its parent's
end.

Promise: a study that crashes, hangs or swells it costs that study alone; it knows no database, no Redis
and no secret.
`warm` and `wire` are the parent's side and import neither TensorFlow nor a decoder.
"""
