/**
 * @generated SignedSource<<f73d572b30e25388ddc50dc0a0599c1f>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type workshopDaySubscription$variables = {
  day: any;
};
export type workshopDaySubscription$data = {
  readonly workshopDay: {
    readonly available: number;
    readonly blocked: number | null | undefined;
    readonly committed: number | null | undefined;
    readonly held: number | null | undefined;
    readonly published: number;
    readonly resource: {
      readonly id: string;
      readonly name: string;
      readonly unit: string;
    } | null | undefined;
  };
};
export type workshopDaySubscription = {
  response: workshopDaySubscription$data;
  variables: workshopDaySubscription$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "day"
  }
],
v1 = [
  {
    "kind": "Variable",
    "name": "day",
    "variableName": "day"
  }
],
v2 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "published",
  "storageKey": null
},
v3 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "held",
  "storageKey": null
},
v4 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "committed",
  "storageKey": null
},
v5 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "blocked",
  "storageKey": null
},
v6 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "available",
  "storageKey": null
},
v7 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "id",
  "storageKey": null
},
v8 = {
  "alias": null,
  "args": null,
  "concreteType": "Resource",
  "kind": "LinkedField",
  "name": "resource",
  "plural": false,
  "selections": [
    (v7/*:: as any*/),
    {
      "alias": null,
      "args": null,
      "kind": "ScalarField",
      "name": "name",
      "storageKey": null
    },
    {
      "alias": null,
      "args": null,
      "kind": "ScalarField",
      "name": "unit",
      "storageKey": null
    }
  ],
  "storageKey": null
};
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "workshopDaySubscription",
    "selections": [
      {
        "alias": null,
        "args": (v1/*:: as any*/),
        "concreteType": "Bucket",
        "kind": "LinkedField",
        "name": "workshopDay",
        "plural": false,
        "selections": [
          (v2/*:: as any*/),
          (v3/*:: as any*/),
          (v4/*:: as any*/),
          (v5/*:: as any*/),
          (v6/*:: as any*/),
          (v8/*:: as any*/)
        ],
        "storageKey": null
      }
    ],
    "type": "Subscription",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "workshopDaySubscription",
    "selections": [
      {
        "alias": null,
        "args": (v1/*:: as any*/),
        "concreteType": "Bucket",
        "kind": "LinkedField",
        "name": "workshopDay",
        "plural": false,
        "selections": [
          (v2/*:: as any*/),
          (v3/*:: as any*/),
          (v4/*:: as any*/),
          (v5/*:: as any*/),
          (v6/*:: as any*/),
          (v8/*:: as any*/),
          (v7/*:: as any*/)
        ],
        "storageKey": null
      }
    ]
  },
  "params": {
    "cacheID": "cd09948d1e6e619fb86066ee0fba7bbc",
    "id": null,
    "metadata": {},
    "name": "workshopDaySubscription",
    "operationKind": "subscription",
    "text": "subscription workshopDaySubscription(\n  $day: Date!\n) {\n  workshopDay(day: $day) {\n    published\n    held\n    committed\n    blocked\n    available\n    resource {\n      id\n      name\n      unit\n    }\n    id\n  }\n}\n"
  }
};
})();

(node as any).hash = "b68dcd1fde73b70a3ab504e845aed693";

export default node;
