/**
 * @generated SignedSource<<148df41dd5df77e4b2c37716b4abc5e3>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type PlaceHoldInput = {
  allocations: ReadonlyArray<AllocationInput>;
  idempotencyKey?: string | null | undefined;
  seconds?: number | null | undefined;
};
export type AllocationInput = {
  day: any;
  quantity: number;
  resourceId: string;
};
export type brandHoldMutation$variables = {
  input: PlaceHoldInput;
};
export type brandHoldMutation$data = {
  readonly placeHold: {
    readonly __typename: string;
    readonly after?: string;
    readonly code?: string;
    readonly hold?: {
      readonly expiresAt: any | null | undefined;
      readonly id: string;
    };
    readonly message?: string;
  };
};
export type brandHoldMutation = {
  response: brandHoldMutation$data;
  variables: brandHoldMutation$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "input"
  }
],
v1 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "input",
        "variableName": "input"
      }
    ],
    "concreteType": null,
    "kind": "LinkedField",
    "name": "placeHold",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "__typename",
        "storageKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "concreteType": "Hold",
            "kind": "LinkedField",
            "name": "hold",
            "plural": false,
            "selections": [
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "id",
                "storageKey": null
              },
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "expiresAt",
                "storageKey": null
              }
            ],
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "after",
            "storageKey": null
          }
        ],
        "type": "PlaceHoldSuccess",
        "abstractKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "code",
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "message",
            "storageKey": null
          }
        ],
        "type": "Failure",
        "abstractKey": "__isFailure"
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "brandHoldMutation",
    "selections": (v1/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "brandHoldMutation",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "9899802200e3ee857cc34109d49ec335",
    "id": null,
    "metadata": {},
    "name": "brandHoldMutation",
    "operationKind": "mutation",
    "text": "mutation brandHoldMutation(\n  $input: PlaceHoldInput!\n) {\n  placeHold(input: $input) {\n    __typename\n    ... on PlaceHoldSuccess {\n      hold {\n        id\n        expiresAt\n      }\n      after\n    }\n    ... on Failure {\n      __isFailure: __typename\n      code\n      message\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "313c5b99f6510cb719bdde58ee0bc90e";

export default node;
