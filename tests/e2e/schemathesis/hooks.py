"""Where JSON Schema and strict JSON differ.

To a JSON Schema `2.0` is an integer like `2`; to the log it is none, and no schema can
say so. So whole numbers are written as such here.
"""

import schemathesis


def whole(value):
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@schemathesis.hook
def map_body(context, body):
    return whole(body)
